// What the tests synthesize.
import { join } from "node:path";
import { App, Stack } from "aws-cdk-lib";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { LabelLake } from "../lib";
import { LabelLakeProps } from "../lib/props";

/** Stands for the program. */
const STUB = join(__dirname, "..", "..", "test", "stub");

export const code = (): lambda.Code => lambda.Code.fromAsset(STUB);

/** A stack with a lake. The properties may be of resources of the stack. */
export function lake(props: (stack: Stack) => LabelLakeProps = () => ({})): { stack: Stack; lake: LabelLake } {
  const stack = new Stack(new App(), "lake");
  return { stack, lake: new LabelLake(stack, "Lake", { code: code(), ...props(stack) }) };
}

/** The stack's template, as it goes to CloudFormation. */
export function synthesized(stack: Stack): any {
  return (stack.node.root as App).synth().getStackByName(stack.stackName).template;
}
