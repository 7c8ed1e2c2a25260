// Creates and synthesizes stacks for the tests.
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { LabelLake } from "../lib";
import type { LabelLakeProps } from "../lib/props";

/** Placeholder for the program. */
const STUB = join(__dirname, "..", "..", "test", "stub");

export const code = (): lambda.Code => lambda.Code.fromAsset(STUB);

/** Creates a stack with a lake. The properties can refer to resources of the stack. */
export function lake(props: (stack: Stack) => LabelLakeProps = () => ({})): { stack: Stack; lake: LabelLake } {
  const stack = new Stack(new App(), "lake");
  return { stack, lake: new LabelLake(stack, "Lake", { code: code(), ...props(stack) }) };
}

/** Returns the template of a stack as CloudFormation receives it. */
export function synthesized(stack: Stack): any {
  return (stack.node.root as App).synth().getStackByName(stack.stackName).template;
}
