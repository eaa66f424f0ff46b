/**
 * Runs the conformance tests on other Vulkan drivers than the system's: `deno task test:adapters [name …]`, on Debian, default all of
 * them. The drivers are software, fetched with apt-get into `out/adapters` and installed nowhere: SwiftShader, whose subgroups have 4
 * invocations, whose compiler is another and which has neither f16 nor f64, and the newest Mesa of Debian's backports.
 *
 * It takes about half an hour on two cores: the gate does without.
 *
 * @module
 */
import { markdown } from "../bench/harness.ts";
import { ROOT } from "./command_line.ts";

/** Files that run every op and every formula on a device. */
const FILES = ["formula_test", "product_test", "sparse_test", "sinkhorn_test", "conformance_test"];

/** A driver: the Debian package that has it, the suite if it is not the system's, and the library within. */
interface Driver {
  readonly name: string;
  readonly package: string;
  readonly suite?: string;
  readonly library: string;
}

const FOLDER = `${ROOT}out/adapters`;

async function output(command: string, args: string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args, env, cwd: FOLDER }).output();
  const [said, errors] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${errors.trim() || said.trim()}`);
  return said;
}

/** apt's options for a suite beside the system's: lists and sources of its own, and no others. */
async function ownLists(suite: string): Promise<string[]> {
  const lists = `${FOLDER}/${suite}`;
  await Deno.mkdir(`${lists}/partial`, { recursive: true });
  const keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
  await Deno.writeTextFile(`${lists}.list`, `deb [signed-by=${keys}] http://deb.debian.org/debian ${suite} main\n`);
  const options = { "Dir::Etc::sourcelist": `${lists}.list`, "Dir::Etc::sourceparts": "-", "Dir::State::lists": lists };
  const args = Object.entries(options).flatMap(([key, value]) => ["-o", `${key}=${value}`]);
  await output("apt-get", [...args, "-o", "APT::Sandbox::User=root", "-q", "update"]);
  return args;
}

/** Fetches and unpacks a driver; the path of the file that tells the Vulkan loader of it. */
async function fetchDriver({ name, package: from, suite, library }: Driver): Promise<string> {
  const root = `${FOLDER}/${name}`, manifest = `${root}.json`;
  const there = await Deno.stat(`${root}/${library}`).then(() => true, () => false);
  if (!there) {
    const lists = suite === undefined ? [] : await ownLists(suite);
    for (const { name: file } of Deno.readDirSync(FOLDER)) {
      if (file.endsWith(".deb")) await Deno.remove(`${FOLDER}/${file}`);
    }
    await output("apt-get", [...lists, "-q", "download", suite === undefined ? from : `${from}/${suite}`]);
    const archive = [...Deno.readDirSync(FOLDER)].find((entry) => entry.name.endsWith(".deb"))!.name;
    await output("dpkg", ["-x", archive, root]);
    await Deno.remove(`${FOLDER}/${archive}`);
  }
  const icd = { file_format_version: "1.0.0", ICD: { library_path: `${root}/${library}`, api_version: "1.3.0" } };
  await Deno.writeTextFile(manifest, JSON.stringify(icd));
  return manifest;
}

/** Environment in which a driver is the only one. What is kept of kernels is kept apart. */
function only(name: string, manifest: string): Record<string, string> {
  return {
    ...{ VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest, DENO_WEBGPU_BACKEND: "vulkan", NO_COLOR: "1" },
    ...{ DENOVO_CACHE: `${FOLDER}/${name}-cache`, DENOVO_VERIFY_KEYS: "1", XDG_RUNTIME_DIR: "/tmp" },
  };
}

/** Runs a file of tests; its row of the table, and whether all is well. */
async function runFile(
  driver: string,
  file: string,
  env: Record<string, string>,
): Promise<[row: string[], ok: boolean]> {
  // Files that test devices beside each other name them.
  const filter = file === "formula_test" ? [] : ["--filter", "(webgpu)"];
  const args = ["test", "-A", "--no-check", ...filter, `${ROOT}tests/gpu/${file}.ts`];
  const start = performance.now();
  const { stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env, cwd: ROOT }).output();
  const seconds = Math.round((performance.now() - start) / 1000);
  const log = `${new TextDecoder().decode(stdout)}\n${new TextDecoder().decode(stderr)}`;
  await Deno.writeTextFile(`${FOLDER}/${driver}-${file}.txt`, log);
  const counts = ["passed", "failed", "ignored"].map((what) =>
    Number(log.match(new RegExp(`(\\d+) ${what}`))?.[1] ?? 0)
  );
  const ok = counts[0] > 0 && counts[1] === 0 && counts[2] === 0;
  const said = ok ? "" : `see out/adapters/${driver}-${file}.txt`;
  return [[driver, file, ...counts.map(String), `${seconds}`, said], ok];
}

async function main(names: readonly string[]): Promise<number> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const codename = release.match(/VERSION_CODENAME=(\w+)/)?.[1];
  if (!/^ID=debian$/m.test(release) || codename === undefined) {
    console.error("The drivers come from Debian's packages: this is not Debian");
    return 1;
  }
  const lib = `usr/lib/${Deno.build.arch}-linux-gnu`;
  const all: Driver[] = [
    { name: "swiftshader", package: "chromium-common", library: "usr/lib/chromium/libvk_swiftshader.so" },
    {
      name: "mesa",
      package: "mesa-vulkan-drivers",
      suite: `${codename}-backports`,
      library: `${lib}/libvulkan_lvp.so`,
    },
  ];
  const unknown = names.find((name) => !all.some((driver) => driver.name === name));
  if (unknown !== undefined) {
    console.error(`Unknown adapter "${unknown}": expected ${all.map(({ name }) => name).join(" or ")}`);
    return 2;
  }
  const rows = [["adapter", "tests", "passed", "failed", "ignored", "seconds", ""]];
  let well = true;
  for (const driver of all.filter(({ name }) => names.length === 0 || names.includes(name))) {
    const env = only(driver.name, await fetchDriver(driver));
    const found = await output(Deno.execPath(), [
      "eval",
      "const a = await navigator.gpu.requestAdapter(); console.log(a?.info.description ?? 'no adapter')",
    ], env);
    console.log(`${driver.name}: ${found.trim()}`);
    for (const file of FILES) {
      const [row, ok] = await runFile(driver.name, file, env);
      rows.push(row);
      well &&= ok;
      console.log(row.join("  "));
    }
  }
  console.log(`\n${markdown(rows)}`);
  return well ? 0 : 1;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
