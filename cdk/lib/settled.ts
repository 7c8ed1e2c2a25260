/** JSON of a template. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Fields = { [key: string]: Json };

/** A CloudFormation template, as far as it is looked at here. */
export interface Template {
  Parameters: { [name: string]: Parameter };
  Conditions: Fields;
  Resources: { [name: string]: Fields };
  Outputs: Fields;
}

export interface Parameter {
  Type: string;
  Default: string | number;
  Description: string;
  AllowedPattern?: string;
  AllowedValues?: (string | number)[];
  MinValue?: number;
  MaxValue?: number;
}

export type Value = string | number | string[];
export type Values = { [parameter: string]: Value };

/**
 * The template with its conditions decided: what is not created is gone, and of each choice what was chosen is left.
 *
 * CloudFormation decides by the values of parameters. By values of other resources of the stack, such as the name of a
 * bucket, it cannot: a condition may not refer to a resource. Here such a value is a token, and a token is not empty,
 * which is all that the conditions ask.
 */
export function settled(template: Template, values: Values): Template {
  const holds = (name: string): boolean => test(template.Conditions[name]);

  // What a condition compares: a parameter, or a list of them joined.
  function operand(value: Json): string {
    const { Ref, "Fn::Join": join } = fields(value);
    if (typeof Ref === "string") {
      return [values[Ref]].flat().join(",");
    }
    if (Array.isArray(join)) {
      return operand(join[1]);
    }
    return String(value);
  }

  function test(condition: Json): boolean {
    const [[name, argument]] = Object.entries(fields(condition));
    const operands = Array.isArray(argument) ? argument : [];
    switch (name) {
      case "Condition":
        return holds(String(argument));
      case "Fn::Not":
        return !test(operands[0]);
      case "Fn::And":
        return operands.every(test);
      case "Fn::Or":
        return operands.some(test);
      case "Fn::Equals":
        return operand(operands[0]) === operand(operands[1]);
      default:
        throw new Error(`a condition with ${name}`);
    }
  }

  function choose(value: Json): Json {
    if (Array.isArray(value)) {
      return value.map(choose);
    }
    if (typeof value !== "object" || value === null) {
      return value;
    }
    const choice = value["Fn::If"];
    return Array.isArray(choice) ? choose(choice[holds(String(choice[0])) ? 1 : 2]) : chooseFields(value);
  }

  const chooseFields = (value: Fields): Fields =>
    Object.fromEntries(Object.entries(value).map(([name, item]) => [name, choose(item)]));

  const resources: { [name: string]: Fields } = {};
  for (const [name, { Condition: condition, ...resource }] of Object.entries(template.Resources)) {
    if (condition === undefined || holds(String(condition))) {
      resources[name] = chooseFields(resource);
    }
  }
  return { ...template, Conditions: {}, Resources: resources, Outputs: chooseFields(template.Outputs) };
}

function fields(value: Json): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
