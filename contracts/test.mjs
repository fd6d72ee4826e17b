// Runs forge, whose binary comes in the npm package of this platform, with the arguments given, or "test".
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

const root = import.meta.dirname;
const arch = { x64: "amd64", arm64: "arm64" }[process.arch];
const forge = path.join(root, "node_modules", "@foundry-rs", `forge-${process.platform}-${arch}`, "bin", "forge");
if (!fs.existsSync(forge)) {
  console.error(`no forge for ${process.platform} on ${process.arch}: run npm ci in ${root}`);
  process.exit(4);
}
const args = process.argv.length > 2 ? process.argv.slice(2) : ["test"];
const run = spawnSync(forge, args, { cwd: root, stdio: "inherit", env: { ...process.env, FOUNDRY_DISABLE_NIGHTLY_WARNING: "1" } });
process.exit(run.status ?? 1);
