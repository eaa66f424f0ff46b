/**
 * Installs the Deno kernel for Jupyter and starts JupyterLab in the notebooks folder; where there is no Jupyter, says how the
 * notebooks can be opened otherwise.
 *
 * @module
 */

async function run(command: string, args: string[], quiet = false): Promise<number | undefined> {
  try {
    const output = quiet ? "null" : "inherit";
    return (await new Deno.Command(command, { args, stdout: output, stderr: output }).spawn().status).code;
  } catch {
    return undefined;
  }
}

/** Any further arguments go to JupyterLab. */
async function main(): Promise<number> {
  const deno = Deno.execPath();
  if (/[\\/]_npx[\\/]/.test(deno)) {
    // A kernel that points into npx's cache stops working when the cache is cleaned.
    console.error(
      "The Deno of this run lies in npx's cache. Install Deno first (npm i -g deno@2.9.6), then: deno task lab",
    );
    return 1;
  }
  if (await run("jupyter", ["--version"], true) === undefined) {
    console.error(
      "JupyterLab is not installed. Either install it (https://jupyter.org/install), or open the notebooks in VS Code with its\n" +
        "Jupyter and Deno extensions, or run them without any of these: deno task notebooks",
    );
    return 1;
  }
  const installed = await run(deno, ["jupyter", "--install", "--force"]);
  if (installed !== 0) return installed ?? 1;
  return await run("jupyter", ["lab", "--notebook-dir=notebooks", ...Deno.args]) ?? 1;
}

if (import.meta.main) Deno.exit(await main());
