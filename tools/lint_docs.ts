/** `deno doc --lint` of every entry point that `exports` in `deno.json` names. */

const root = new URL("../", import.meta.url);
const { exports } = JSON.parse(await Deno.readTextFile(new URL("deno.json", root)));
const { code } = await new Deno.Command(Deno.execPath(), {
  args: ["doc", "--lint", ...Object.values<string>(exports)],
  cwd: root,
  stdout: "null",
}).output();
Deno.exit(code);
