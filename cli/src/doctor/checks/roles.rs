//! Checks of the roles: who may assume them, and what they may do.

use serde_json::json;

use super::checks_of;
use crate::doctor::check::{Check, Fault};
use crate::doctor::facts::{Denied, Facts, Reading, Role};
use crate::doctor::fix::{aws, document};
use crate::doctor::policy::allows;

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let names = &facts.names;
    let function =
        role(facts, "function permissions", &names.function_role, "lambda.amazonaws.com", &facts.function_role);
    let rekognition = role(
        facts,
        "Rekognition permissions",
        &names.rekognition_role,
        "rekognition.amazonaws.com",
        &facts.rekognition_role,
    );
    let mut checks = [function, rekognition].concat();
    if let (Some(names), Some(videos)) = (&names.videos, &facts.videos) {
        let (starter, schedule) = (&names.starter_role, &names.schedule_role);
        checks.extend(role(facts, "starter permissions", starter, "lambda.amazonaws.com", &videos.starter_role));
        checks.extend(role(facts, "schedule permissions", schedule, "scheduler.amazonaws.com", &videos.schedule_role));
    }
    checks
}

fn role(facts: &Facts, check: &str, name: &str, service: &str, reading: &Reading<Role>) -> Vec<Check> {
    checks_of(facts, check, &format!("role {name}"), reading, |role| {
        vec![
            Check::new(check.replace("permissions", "role trust"), trust(facts, name, service, role)),
            Check::new(check, permissions(facts, name, role)),
        ]
    })
}

/// The service may assume the role.
fn trust(facts: &Facts, name: &str, service: &str, role: &Role) -> Result<String, Fault> {
    const ASSUME: &str = "sts:AssumeRole";
    if allows(&role.trust, service, ASSUME, None) {
        return Ok(format!("{service} may assume {name}"));
    }
    let policy = document(&[json!({ "Effect": "Allow", "Principal": { "Service": service }, "Action": ASSUME })]);
    let update = ["iam", "update-assume-role-policy", "--role-name", name, "--policy-document", &policy];
    Err(Fault::new(format!("{service} may not assume {name}"), aws(&facts.names, &update)))
}

/// The role has every permission that it needs.
fn permissions(facts: &Facts, name: &str, role: &Role) -> Result<String, Fault> {
    if role.denied.is_empty() {
        return Ok(format!("{name} has the permissions that it needs"));
    }
    let texts = role.denied.iter().map(|Denied { action, resource, .. }| format!("{action} on {resource}"));
    let text = format!("{name} may not {}", texts.collect::<Vec<_>>().join(", "));
    if let Some(Denied { action, resource, .. }) = role.denied.iter().find(|denied| denied.is_explicit) {
        let simulate = ["iam", "simulate-principal-policy", "--policy-source-arn", &role.arn, "--action-names", action];
        let show = aws(&facts.names, &[&simulate[..], &["--resource-arns", resource]].concat());
        return Err(Fault::new(text, format!("remove the statement that denies it, which this shows: {show}")));
    }
    let statements: Vec<_> = role
        .denied
        .iter()
        .map(|Denied { action, resource, .. }| json!({ "Effect": "Allow", "Action": action, "Resource": granted(resource) }))
        .collect();
    let policy = document(&statements);
    let put = ["iam", "put-role-policy", "--role-name", name, "--policy-name", "label-lake-fix"];
    Err(Fault::new(text, aws(&facts.names, &[&put[..], &["--policy-document", &policy]].concat())))
}

/// Returns the resource to grant for the resource that was simulated: all objects of the lake for one of them.
fn granted(resource: &str) -> String {
    resource.strip_suffix("jobs/job-x.parquet").map_or_else(|| resource.to_owned(), |folder| format!("{folder}*"))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use crate::doctor::checks::sound::{assert_fault, facts};
    use crate::doctor::facts::{Denied, Facts, Role};

    fn broken(change: impl FnOnce(&mut Role)) -> Facts {
        let mut facts = facts();
        change(facts.function_role.as_mut().unwrap().as_mut().unwrap());
        facts
    }

    fn denied(is_explicit: bool) -> Vec<Denied> {
        let (action, resource) = ("s3:PutObject", "arn:aws:s3:::my-lake/video/jobs/job-x.parquet");
        vec![Denied { action: action.to_owned(), resource: resource.to_owned(), is_explicit }]
    }

    #[test]
    fn a_missing_permission_or_trust_is_a_fault() {
        let lacking = broken(|role| role.denied = denied(false));
        let fix = r#"aws iam put-role-policy --role-name FunctionRole --policy-name label-lake-fix --policy-document '{"Statement":[{"Action":"s3:PutObject","Effect":"Allow","Resource":"arn:aws:s3:::my-lake/video/*"}]"#;
        assert_fault(
            &lacking,
            "function permissions",
            "FunctionRole may not s3:PutObject on arn:aws:s3:::my-lake",
            fix,
        );

        let forbidden = broken(|role| role.denied = denied(true));
        assert_fault(&forbidden, "function permissions", "may not s3:PutObject", "remove the statement that denies it");

        let untrusted = broken(|role| role.trust = Value::Null);
        let fix = "aws iam update-assume-role-policy --role-name FunctionRole";
        assert_fault(&untrusted, "function role trust", "lambda.amazonaws.com may not assume FunctionRole", fix);

        let mut missing = facts();
        missing.rekognition_role = Ok(None);
        let fix = "aws cloudformation create-change-set";
        assert_fault(&missing, "Rekognition permissions", "role RekognitionRole does not exist", fix);
    }
}
