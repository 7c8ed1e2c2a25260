import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AssetHashType, DockerImage } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";

/** The checkout that dist/lib/ of this file is in; somewhere else if the package was copied out of it. */
const CHECKOUT = join(__dirname, "..", "..", "..");

/** The program, built by cargo-lambda from a checkout, whenever a stack that needs it is synthesized. */
export function cargoLambda(architecture: lambda.Architecture, checkout = CHECKOUT): lambda.Code {
  if (!existsSync(join(checkout, "Cargo.toml"))) {
    throw new Error(`${checkout} is no checkout of Label Lake: name one, or give a zip as code`);
  }
  const target = architecture === lambda.Architecture.X86_64 ? "--x86-64" : "--arm64";
  return lambda.Code.fromAsset(checkout, {
    // The digest of the program: sources that make the same program deploy nothing.
    assetHashType: AssetHashType.OUTPUT,
    bundling: {
      // Never used: the local bundling does it or throws.
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
          // Standard output is the template's.
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
