import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";

/** The checkout that contains this file, as dist/lib/. If the package was copied elsewhere, this is not a checkout. */
const CHECKOUT = join(__dirname, "..", "..", "..");

/** Builds the program from a checkout with cargo-lambda, whenever a stack that uses it is synthesized. */
export function cargoLambda(architecture: lambda.Architecture, checkout = CHECKOUT): lambda.Code {
  if (!existsSync(join(checkout, "Cargo.toml"))) {
    throw new Error(`${checkout} is not a checkout of Label Lake; pass the path of one, or a zip as code`);
  }
  const target = architecture === lambda.Architecture.X86_64 ? "--x86-64" : "--arm64";
  return lambda.Code.fromAsset(checkout, {
    // Hashes the program, so that changed sources with the same program deploy nothing.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never used, because the local bundling either succeeds or throws.
      image: DockerImage.fromRegistry("none"),
      local: {
        tryBundle(folder: string): boolean {
          const build = [
            "lambda",
            "build",
            "--release",
            "--locked",
            "--package",
            "label-lake",
            "--bin",
            "bootstrap",
            target,
          ];
          // Standard output is reserved for the template.
          execFileSync("cargo", [...build, "--lambda-dir", folder, "--flatten", "bootstrap"], {
            cwd: checkout,
            stdio: ["ignore", process.stderr, process.stderr],
          });
          return true;
        },
      },
    },
  });
}
