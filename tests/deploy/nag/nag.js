// cdk-nag's AwsSolutions rules over the transformed template: no finding without a written reason, no reason without a
// finding.
"use strict";

const { App, Aspects, Stack } = require("aws-cdk-lib");
const { Annotations, Match } = require("aws-cdk-lib/assertions");
const { CfnInclude } = require("aws-cdk-lib/cloudformation-include");
const { AwsSolutionsChecks } = require("cdk-nag");
const reasons = require("./reasons.json");

// The CDK validates as cfn-lint does, but takes the empty default of a parameter for the value of a property that is not
// there then. What it writes of that is not asked for here.
function quietly(work) {
  const write = process.stderr.write;
  process.stderr.write = () => true;
  try {
    return work();
  } finally {
    process.stderr.write = write;
  }
}

function findings(templateFile) {
  const app = new App();
  const stack = new Stack(app, "LabelLake");
  new CfnInclude(stack, "Template", { templateFile });
  Aspects.of(app).add(new AwsSolutionsChecks());
  const rules = Match.stringLikeRegexp("AwsSolutions-.*");
  return quietly(() => {
    const annotations = Annotations.fromStack(stack);
    return [...annotations.findError("*", rules), ...annotations.findWarning("*", rules)];
  }).map(({ id, entry }) => {
    const [rule] = /AwsSolutions-[A-Z]+\d+/.exec(entry.data);
    return { rule, resource: id.split("/").pop(), text: entry.data };
  });
}

const found = findings(process.argv[2]);
const covers = (known, { rule, resource }) => known.rule === rule && known.resources.includes(resource);
const without = found.filter((finding) => !reasons.some((known) => covers(known, finding)));
const unused = reasons.filter((known) => !found.some((finding) => covers(known, finding)));
for (const { resource, text } of without) {
  console.error(`${resource}: ${text}`);
}
for (const { rule, resources } of unused) {
  console.error(`${resources}: a reason for ${rule}, which is not found`);
}
console.log(`cdk-nag: ${found.length - without.length} findings with a reason, ${without.length} without`);
process.exit(without.length || unused.length ? 1 : 0);
