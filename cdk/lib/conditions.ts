/** A JSON value of a template. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type Fields = { [key: string]: Json };

/** The parts of a CloudFormation template that this package uses. */
export interface Template {
  Parameters: { [name: string]: Parameter };
  Conditions: Fields;
  Resources: { [name: string]: Fields };
  Outputs: { [name: string]: Fields };
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
 * Resolves the conditions of a template: removes resources and outputs whose condition is false, and replaces each `Fn::If` with
 * the value that it selects.
 *
 * CloudFormation cannot resolve conditions that depend on other resources of the stack, such as the name of a bucket.
 * Here, such a value is a token. The conditions test only whether values are empty, and a token is not empty.
 */
export function resolveConditions(template: Template, values: Values): Template {
  const holds = (name: string): boolean => test(template.Conditions[name]);

  // Returns an operand of a comparison as text: a parameter, a joined list or a literal.
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
        throw new Error(`unsupported function in a condition: ${name}`);
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

  function kept(all: { [name: string]: Fields }): { [name: string]: Fields } {
    const found: { [name: string]: Fields } = {};
    for (const [name, { Condition: condition, ...one }] of Object.entries(all)) {
      if (condition === undefined || holds(String(condition))) {
        found[name] = chooseFields(one);
      }
    }
    return found;
  }

  return { ...template, Conditions: {}, Resources: kept(template.Resources), Outputs: kept(template.Outputs) };
}

function fields(value: Json): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
