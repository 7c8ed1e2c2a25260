// A lake with default settings, and a policy for users who start jobs.
import { App, Stack } from "aws-cdk-lib";
import * as iam from "aws-cdk-lib/aws-iam";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { LabelLake } from "../lib";

const app = new App();
const stack = new Stack(app, "label-lake", {
  description: "Amazon Rekognition Video label detection results as Parquet on S3, ready for Athena",
});

// `--context program=FILE.zip` deploys a program that is already built.
const program: string | undefined = app.node.tryGetContext("program");
const lake = new LabelLake(stack, "Lake", {
  alarmEmail: app.node.tryGetContext("email"),
  code: program ? lambda.Code.fromAsset(program) : undefined,
});

new iam.ManagedPolicy(stack, "StartJobs", {
  description: "Allows starting label detection jobs for the lake. Users also need permission to read the videos.",
  statements: [
    new iam.PolicyStatement({ actions: ["rekognition:StartLabelDetection"], resources: ["*"] }),
    new iam.PolicyStatement({ actions: ["iam:PassRole"], resources: [lake.publishRole.roleArn] }),
  ],
});
