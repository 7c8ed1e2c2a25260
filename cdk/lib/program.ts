import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";

/**
 * The checkout that contains this file, which is compiled to cdk/dist/lib/. If the package is installed elsewhere, this
 * directory is not a checkout.
 */
const CHECKOUT = join(__dirname, "..", "..", "..");

/** Returns the program that the published package contains, or a build of it if this is a checkout. */
export function defaultProgram(architecture: lambda.Architecture): lambda.Code {
  const name = architecture === lambda.Architecture.X86_64 ? "x86_64" : "arm64";
  const packaged = join(__dirname, "..", "..", "programs", `label-lake-${name}.zip`);
  return existsSync(packaged) ? lambda.Code.fromAsset(packaged) : cargoLambda(architecture);
}

/**
 * Returns the function's program as code that is built from a checkout with cargo-lambda. The build runs whenever a
 * stack that uses the code is synthesized.
 */
export function cargoLambda(architecture: lambda.Architecture, checkout = CHECKOUT): lambda.Code {
  if (!existsSync(join(checkout, "Cargo.toml"))) {
    throw new Error(`${checkout} is not a checkout of Label Lake; pass one to cargoLambda(), or pass a zip as code`);
  }
  const architectureFlag = architecture === lambda.Architecture.X86_64 ? "--x86-64" : "--arm64";
  return lambda.Code.fromAsset(checkout, {
    // Hashes the built program, so that a change of the sources that does not change the program deploys nothing.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Required, but never used: the local build below either succeeds or throws.
      image: DockerImage.fromRegistry("none"),
      local: {
        tryBundle(outputDirectory: string): boolean {
          const build = [
            "lambda",
            "build",
            "--release",
            "--locked",
            "--package",
            "label-lake",
            "--bin",
            "bootstrap",
            architectureFlag,
          ];
          // Cargo prints to stderr here, because `cdk synth` prints the template to stdout.
          execFileSync("cargo", [...build, "--lambda-dir", outputDirectory, "--flatten", "bootstrap"], {
            cwd: checkout,
            stdio: ["ignore", process.stderr, process.stderr],
          });
          return true;
        },
      },
    },
  });
}
