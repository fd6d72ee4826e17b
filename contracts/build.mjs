// Compiles ModelRegistry.sol with the pinned compiler and writes two files that are committed:
//   build/ModelRegistry.input.json     exact standard-json input, every source inlined: what a block explorer is given
//   artifacts/ModelRegistry.json       abi, bytecode, metadata and the places of immutable values
// With --check it writes nothing and fails if a committed file differs.
import { createRequire } from "node:module";
import fs from "node:fs";
import path from "node:path";

const require = createRequire(import.meta.url);
const root = import.meta.dirname;
const solc = require("solc");

const settings = {
  evmVersion: "cancun",
  metadata: { bytecodeHash: "ipfs" },
  optimizer: { enabled: true, runs: 1000 },
  outputSelection: {
    "src/ModelRegistry.sol": {
      ModelRegistry: ["abi", "metadata", "evm.bytecode.object", "evm.deployedBytecode.object", "evm.deployedBytecode.immutableReferences"],
    },
  },
};

// sources returns the entry and everything it imports, by the names that the compiler uses for them.
function sources(entry) {
  const found = {};
  const todo = [entry];
  while (todo.length > 0) {
    const name = todo.pop();
    if (found[name]) continue;
    const file = name.startsWith("@") ? path.join(root, "node_modules", name) : path.join(root, name);
    const content = fs.readFileSync(file, "utf8");
    found[name] = { content };
    for (const [, target] of content.matchAll(/^import\s[^"']*["']([^"']+)["'];/gm)) {
      todo.push(target.startsWith(".") ? path.posix.join(path.posix.dirname(name), target) : target);
    }
  }
  return Object.fromEntries(Object.entries(found).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function compile(input) {
  const out = JSON.parse(solc.compile(JSON.stringify(input)));
  const messages = (out.errors ?? []).map((e) => e.formattedMessage);
  if (messages.length > 0) throw new Error(messages.join("\n")); // warnings too
  const c = out.contracts["src/ModelRegistry.sol"].ModelRegistry;
  return {
    contractName: "ModelRegistry",
    compiler: solc.version(),
    abi: c.abi,
    bytecode: "0x" + c.evm.bytecode.object,
    deployedBytecode: "0x" + c.evm.deployedBytecode.object,
    immutableReferences: c.evm.deployedBytecode.immutableReferences,
    metadata: c.metadata,
  };
}

const input = { language: "Solidity", sources: sources("src/ModelRegistry.sol"), settings };
const files = {
  "build/ModelRegistry.input.json": JSON.stringify(input, null, 1) + "\n",
  "artifacts/ModelRegistry.json": JSON.stringify(compile(input), null, 1) + "\n",
};
const check = process.argv.includes("--check");
for (const [name, text] of Object.entries(files)) {
  const file = path.join(root, name);
  if (check) {
    if (fs.readFileSync(file, "utf8") !== text) {
      console.error(`${name} is not what the sources compile to: run node contracts/build.mjs`);
      process.exitCode = 1;
    }
    continue;
  }
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, text);
}
