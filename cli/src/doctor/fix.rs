//! The commands that fix faults.

use std::fmt::Write as _;

use serde_json::Value;

use super::names::Names;
use crate::output::text::quoted;

/// Returns a command of the AWS CLI in the region of the stack.
pub(super) fn aws(names: &Names, words: &[&str]) -> String {
    let mut command = "aws".to_owned();
    add_words(&mut command, words);
    add_words(&mut command, &["--region", &names.region]);
    command
}

fn add_words(command: &mut String, words: &[&str]) {
    for word in words {
        // Writing to a String does not fail.
        let _ = write!(command, " {}", quoted(word));
    }
}

/// Returns a command of this program for the stack.
pub(super) fn label_lake(names: &Names, command: &str, words: &[&str]) -> String {
    let mut command = format!("label-lake {command} --stack {} --region {}", quoted(&names.stack), names.region);
    add_words(&mut command, words);
    command
}

/// Returns the command that brings all resources back to the template. CloudFormation creates again what was deleted.
pub(super) fn revert_drift(names: &Names) -> String {
    let (stack, region) = (quoted(&names.stack), &names.region);
    let which = ["--stack-name", &names.stack, "--change-set-name", "label-lake-fix"];
    let create =
        ["cloudformation", "create-change-set", "--use-previous-template", "--deployment-mode", "REVERT_DRIFT"];
    let create =
        aws(names, &[&create[..], &["--capabilities", "CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"], &which].concat());
    // Without parameters, CloudFormation would use the defaults of the template.
    let query = "Stacks[0].Parameters[].{ParameterKey:ParameterKey,UsePreviousValue:`true`}";
    let parameters =
        format!("aws cloudformation describe-stacks --stack-name {stack} --query '{query}' --region {region}");
    let wait = aws(names, &[&["cloudformation", "wait", "change-set-create-complete"], &which[..]].concat());
    let execute = aws(names, &[&["cloudformation", "execute-change-set"], &which[..]].concat());
    format!("{create} --parameters \"$({parameters} --output json)\" && {wait} && {execute}")
}

/// Returns a policy document with these statements.
pub(super) fn document(statements: &[Value]) -> String {
    serde_json::json!({ "Version": "2012-10-17", "Statement": statements }).to_string()
}
