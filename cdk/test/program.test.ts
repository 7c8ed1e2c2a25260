// Tests the build of the program with cargo-lambda. The tests use a fake `cargo`.
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { App, Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { cargoLambda, LabelLake } from "../lib";

const FOLDER = mkdtempSync(join(tmpdir(), "label-lake-cargo-"));
const CALL = join(FOLDER, "call");
const PATH = process.env.PATH;

// Records its arguments, and writes an empty program to the directory after --lambda-dir.
const CARGO = `#!/bin/sh
echo "$@" >"${CALL}"
while [ "$1" != --lambda-dir ]; do shift; done
: >"$2/bootstrap"
`;

beforeEach(() => {
  rmSync(CALL, { force: true });
  writeFileSync(join(FOLDER, "cargo"), CARGO);
  chmodSync(join(FOLDER, "cargo"), 0o755);
  process.env.PATH = `${FOLDER}:${PATH}`;
});
after(() => rmSync(FOLDER, { recursive: true }));

function synthesize(app: App, architecture?: lambda.Architecture): any {
  const stack = new Stack(app, "lake");
  new LabelLake(stack, "Lake", { architecture });
  return app.synth().getStackByName("lake").template.Resources.Function.Properties;
}

test("builds the program for the architecture of the function", () => {
  assert.match(synthesize(new App()).Code.S3Key, /^[0-9a-f]{64}\.zip$/);
  assert.match(readFileSync(CALL, "utf8"), /^lambda build --release --locked .*--bin bootstrap --arm64 --lambda-dir /);
  synthesize(new App(), lambda.Architecture.X86_64);
  assert.match(readFileSync(CALL, "utf8"), / --x86-64 /);
});

test("builds nothing for commands that do not need the program", () => {
  // The context that `cdk list` and `cdk destroy` set.
  synthesize(new App({ context: { "aws:cdk:bundling-stacks": [] } }));
  assert.equal(existsSync(CALL), false);
});

test("stops the synthesis when the build fails", () => {
  writeFileSync(join(FOLDER, "cargo"), "#!/bin/sh\nexit 101\n");
  assert.throws(() => synthesize(new App()), /cargo lambda build/);
});

test("rejects a directory that is not a checkout", () => {
  assert.throws(() => cargoLambda(lambda.Architecture.ARM_64, tmpdir()), /is not a checkout of Label Lake/);
});
