/**
 * Makes the folder `.gpu/` with which the tests and benchmarks run on a machine that has a GPU but no network and no Deno: the Deno
 * binary (compressed with xz), the npm packages of `deno.lock` in a Deno cache, and the loaders of Vulkan and OpenGL of Debian.
 *
 * On the other machine: `bash .gpu/run test:gpu` or `bash .gpu/run bench --quick`.
 *
 * @module
 */

const folder = new URL("../.gpu/", import.meta.url).pathname;
/** Debian packages with the loaders of Vulkan and OpenGL, without which NVIDIA's driver offers no adapter. */
const LOADERS = ["libvulkan1", "libegl1", "libglvnd0", "libopengl0", "libgl1", "libglx0", "libgles2"];
/** What such a machine can be sent, in bytes. */
const LIMIT = 60e6;

async function sh(script: string, env: Record<string, string> = {}): Promise<void> {
  const { code } = await new Deno.Command("bash", { args: ["-euo", "pipefail", "-c", script], env }).spawn().status;
  if (code !== 0) throw new Error(`Failed with code ${code}: ${script}`);
}

/** Unpacks on first use, then runs a task without the network. */
const RUN = `#!/usr/bin/env bash
# Runs a task of deno.json with what this folder holds: bash .gpu/run test:gpu
set -euo pipefail
here="$(cd "$(dirname "$0")" && pwd)"
home="\${DENOVO_OFFLINE_HOME:-/tmp/denovo-offline}"
mkdir -p "$home"
[ -x "$home/deno" ] || { xz -dc "$here/deno.xz" > "$home/deno.new"; chmod +x "$home/deno.new"; mv "$home/deno.new" "$home/deno"; }
[ -d "$home/cache" ] || { mkdir -p "$home/cache.new"; tar -xJf "$here/cache.tar.xz" -C "$home/cache.new"; mv "$home/cache.new" "$home/cache"; }
if ! ldconfig -p | grep -q libvulkan && ls "$here"/*.deb >/dev/null 2>&1; then
  # NVIDIA's driver looks for the loaders of OpenGL too, even where nothing is drawn.
  root="$home/lib"
  if [ -w / ] && [ "$(id -u)" = 0 ]; then root=/; fi
  mkdir -p "$root"
  for f in "$here"/*.deb; do dpkg -x "$f" "$root"; done
  if [ "$root" = / ]; then ldconfig; else export LD_LIBRARY_PATH="$root/usr/lib/x86_64-linux-gnu:\${LD_LIBRARY_PATH:-}"; fi
fi
for icd in /usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json /usr/share/vulkan/icd.d/nvidia_icd.json /etc/vulkan/icd.d/nvidia_icd.json; do
  [ -f "$icd" ] && export VK_DRIVER_FILES="\${VK_DRIVER_FILES:-$icd}"
done
# Whatever is asked of the network fails at once: a machine without one may let requests wait for ever.
export HTTP_PROXY=http://127.0.0.1:9 HTTPS_PROXY=http://127.0.0.1:9
export DENO_DIR="$home/cache" XDG_RUNTIME_DIR="\${XDG_RUNTIME_DIR:-/tmp}" PATH="$home:$PATH"
cd "$here/.."
exec "$home/deno" task "$@"
`;

await Deno.remove(folder, { recursive: true }).catch(() => {});
await Deno.mkdir(folder, { recursive: true });
const cache = await Deno.makeTempDir({ prefix: "denovo-pack-" });
try {
  // A cache of its own holds only what this project and the peers of its benchmarks need.
  await sh(`"${Deno.execPath()}" cache mod.ts $(find tests tools -name '*.ts')`, { DENO_DIR: cache });
  await sh(`"${Deno.execPath()}" cache --lock=bench/deno.lock bench/run.ts`, { DENO_DIR: cache });
  await sh(`rm -rf "${cache}"/{gen,check_cache*,lint*,fmt*,node_analysis*,dep_analysis*,v8_code_cache*}`);
  await sh(`find "${cache}" -name '*.map' -type f -delete`);
  // ONNX Runtime comes in six builds, of which two are used.
  await sh(
    `find "${cache}" -path '*onnxruntime-web*' -regex '.*\\(jsep\\|jspi\\|ort\\.all\\|ort\\.webgl\\).*' -type f -delete`,
  );
  // Data sets and fonts of which only a few files are read.
  await sh(`find "${cache}" -path '*vega-datasets*' \\( -name '*.parquet' -o -size +600k \\) -type f -delete`);
  await sh(`tar -C "${cache}" -cJf "${folder}cache.tar.xz" .`, { XZ_OPT: "-6 -T0" });
} finally {
  await Deno.remove(cache, { recursive: true });
}
await sh(`xz -9 -T0 -c "${Deno.execPath()}" > "${folder}deno.xz"`);
await sh(
  `cd "${folder}" && apt-get download ${
    LOADERS.join(" ")
  } 2>/dev/null || echo "no Debian packages here: the loader must be there already"`,
);
await Deno.writeTextFile(`${folder}run`, RUN, { mode: 0o755 });

let total = 0;
for await (const entry of Deno.readDir(folder)) {
  const { size } = await Deno.stat(`${folder}${entry.name}`);
  total += size;
  console.log(`${(size / 1e6).toFixed(1).padStart(7)} MB  ${entry.name}`);
}
console.log(`${(total / 1e6).toFixed(1).padStart(7)} MB  in all`);
if (total > LIMIT) {
  console.error(`More than ${LIMIT / 1e6} MB: leave something out`);
  Deno.exit(1);
}
