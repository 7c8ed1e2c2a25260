// Resolves a template with parameters as CloudFormation does, for comparisons. A reference to a resource becomes
// `<Name>`, one to an attribute `<Name.Attribute>`, and every scalar becomes text.

export type Resolved = string | Resolved[] | { [name: string]: Resolved } | undefined;
type Node = any;

const PSEUDO: { [name: string]: string } = {
  "AWS::AccountId": "123456789012",
  "AWS::Partition": "aws",
  "AWS::Region": "us-east-1",
  "AWS::StackName": "lake",
};

/** Returns the resources and outputs whose conditions are true. */
export function resolved(template: Node, parameters: { [name: string]: string }): { [name: string]: Resolved } {
  const values: { [name: string]: string } = { ...PSEUDO };
  for (const [name, { Default }] of Object.entries<Node>(template.Parameters ?? {})) {
    values[name] = parameters[name] ?? String(Default);
  }
  const isList = (name: string): boolean => template.Parameters?.[name]?.Type === "CommaDelimitedList";
  const holds = (condition: string): boolean => value(template.Conditions[condition]) === "true";
  const truth = (is: boolean): string => String(is);

  function reference(name: string): Resolved {
    if (name === "AWS::NoValue") {
      return undefined;
    }
    if (name in values) {
      return isList(name) ? values[name].split(",") : values[name];
    }
    if (!(name in template.Resources)) {
      throw new Error(`a reference to ${name}, which is not in the template`);
    }
    return `<${name}>`;
  }

  function substitute(argument: Node): string {
    const [text, given] = typeof argument === "string" ? [argument, {}] : argument;
    return text.replace(/\$\{([^!}]+)\}/g, (_: string, name: string) =>
      name in given ? value(given[name]) : name.includes(".") ? `<${name}>` : reference(name),
    );
  }

  const functions: { [name: string]: (argument: Node) => Resolved } = {
    Ref: reference,
    Condition: (name) => truth(holds(name)),
    "Fn::GetAtt": (path) => `<${[path].flat().join(".")}>`,
    "Fn::Sub": substitute,
    "Fn::If": ([condition, then, otherwise]) => value(holds(condition) ? then : otherwise),
    "Fn::Join": ([separator, parts]) => (value(parts) as string[]).join(separator),
    "Fn::Split": ([separator, text]) => (value(text) as string).split(separator),
    "Fn::Select": ([index, items]) => (value(items) as Resolved[])[Number(index)],
    "Fn::Equals": ([left, right]) => truth(value(left) === value(right)),
    "Fn::Not": ([condition]) => truth(value(condition) !== "true"),
    "Fn::And": (all) => truth(all.every((one: Node) => value(one) === "true")),
    "Fn::Or": (all) => truth(all.some((one: Node) => value(one) === "true")),
  };

  function value(node: Node): Resolved {
    if (Array.isArray(node)) {
      return node.map(value).filter((item) => item !== undefined);
    }
    if (typeof node !== "object") {
      return String(node);
    }
    const [name, ...others] = Object.keys(node);
    if (others.length === 0 && name in functions) {
      return functions[name](node[name]);
    }
    return Object.fromEntries(
      Object.entries(node)
        .map(([key, item]) => [key, value(item)])
        .filter(([, item]) => item !== undefined),
    );
  }

  const kept = (all: Node) =>
    Object.entries<Node>(all).filter(([, { Condition }]) => Condition === undefined || holds(Condition));
  const created = kept(template.Resources).map(([name, { Condition, Metadata, DependsOn, ...resource }]) => [
    name,
    value({ ...resource, DependsOn: [DependsOn ?? []].flat().sort() }),
  ]);
  const outputs = kept(template.Outputs).map(([name, { Condition, ...output }]) => [`output ${name}`, value(output)]);
  return Object.fromEntries([...created, ...outputs]);
}
