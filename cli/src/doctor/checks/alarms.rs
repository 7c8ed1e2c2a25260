//! Checks of the alarms, and of those whom they notify.

use super::present;
use crate::account::stack::Resource;
use crate::doctor::check::{Check, Fault};
use crate::doctor::facts::{Alarm, Facts};
use crate::doctor::fix::{aws, label_lake, revert_drift};

/// Resource type of an alarm.
const ALARM: &str = "AWS::CloudWatch::Alarm";
/// Ends of the names of the alarms whose events wait in the dead-letter queue.
const REPLAYED: [&str; 4] = ["-failures-waiting", "-failures-old", "-events-dropped", "-continuations-dropped"];

/// Returns the names of the alarms of a stack.
pub(crate) fn names<'a>(resources: impl IntoIterator<Item = &'a Resource>) -> Vec<String> {
    let alarms = resources.into_iter().filter(|resource| resource.kind == ALARM);
    alarms.map(|alarm| alarm.physical_id.clone()).collect()
}

pub(super) fn checks(facts: &Facts) -> Vec<Check> {
    let mut checks = vec![Check::new("notification", notification(facts))];
    match &facts.alarms {
        Err(fault) => checks.push(Check::new("alarms", Err(fault.clone()))),
        Ok(alarms) => checks.extend(names(facts.resources.values()).into_iter().map(|name| {
            let alarm = alarms.iter().find(|alarm| alarm.name == name);
            Check::new(format!("alarm {name}"), alarm_result(facts, &name, alarm))
        })),
    }
    checks
}

/// The topic of the alarms has a confirmed subscription.
fn notification(facts: &Facts) -> Result<String, Fault> {
    let names = &facts.names;
    let Some(topic) = &names.alarm_topic else {
        return Ok("nobody is notified: AlarmEmail and AlarmTopicArn are empty".to_owned());
    };
    let subscriptions = present(facts, &facts.alarm_subscriptions, &format!("topic {topic}"))?;
    let is_confirmed = |arn: &String| arn.starts_with("arn:");
    if subscriptions.iter().any(is_confirmed) {
        return Ok(format!("through {topic}"));
    }
    let email = facts.stack.parameter("AlarmEmail");
    let email = if email.is_empty() { "ADDRESS" } else { email };
    let subscribe = ["sns", "subscribe", "--topic-arn", topic, "--protocol", "email", "--notification-endpoint", email];
    let subscribe = aws(names, &subscribe);
    if subscriptions.is_empty() {
        return Err(Fault::new(format!("nobody is notified: {topic} has no subscription"), subscribe));
    }
    let text = format!("nobody is notified: {email} has not confirmed the subscription of {topic}");
    Err(Fault::new(text, format!("open the link in the e-mail from AWS, which this sends again: {subscribe}")))
}

/// The alarm exists, is not firing, and notifies the topic.
fn alarm_result(facts: &Facts, name: &str, alarm: Option<&Alarm>) -> Result<String, Fault> {
    let (names, revert) = (&facts.names, || revert_drift(&facts.names));
    let alarm = alarm.ok_or_else(|| Fault::new("does not exist", revert()))?;
    if !alarm.actions_enabled {
        let enable = aws(names, &["cloudwatch", "enable-alarm-actions", "--alarm-names", name]);
        return Err(Fault::new("its actions are disabled, so it notifies nobody", enable));
    }
    if let Some(topic) = &names.alarm_topic
        && !alarm.actions.contains(topic)
    {
        return Err(Fault::new(format!("does not notify {topic}"), revert()));
    }
    if alarm.state == "ALARM" {
        let log = || facts.stack.outputs.get("ShowLog").cloned().unwrap_or_else(|| "see docs/OPERATIONS.md".to_owned());
        let is_replayed = REPLAYED.iter().any(|end| name.ends_with(end));
        let fix = if is_replayed { label_lake(names, "replay", &[]) } else { log() };
        return Err(Fault::new(format!("is firing: {}", alarm.reason), fix));
    }
    Ok(alarm.state.clone())
}

#[cfg(test)]
mod tests {
    use crate::doctor::checks::sound::{assert_fault, assert_sound, facts};
    use crate::doctor::facts::{Alarm, Facts};

    const TOPIC: &str = "arn:aws:sns:eu-west-1:123456789012:alarms";

    fn broken(change: impl FnOnce(&mut Alarm)) -> Facts {
        let mut facts = facts();
        change(&mut facts.alarms.as_mut().unwrap()[0]);
        facts
    }

    #[test]
    fn an_alarm_that_is_missing_silent_or_firing_is_a_fault() {
        let name = "alarm label-lake-failures-waiting";
        let revert = "aws cloudformation create-change-set";
        let enable = "aws cloudwatch enable-alarm-actions --alarm-names label-lake-failures-waiting";
        assert_fault(&broken(|alarm| alarm.name = "other".into()), name, "does not exist", revert);
        assert_fault(&broken(|alarm| alarm.actions_enabled = false), name, "its actions are disabled", enable);
        assert_fault(&broken(|alarm| alarm.actions.clear()), name, &format!("does not notify {TOPIC}"), revert);
        let firing = broken(|alarm| alarm.state = "ALARM".into());
        assert_fault(&firing, name, "is firing: 1 datapoint", "label-lake replay --stack label-lake");
    }

    #[test]
    fn a_topic_that_notifies_nobody_is_a_fault() {
        let mut pending = facts();
        pending.alarm_subscriptions = Ok(Some(vec!["PendingConfirmation".to_owned()]));
        let fix = "open the link in the e-mail from AWS";
        assert_fault(&pending, "notification", "me@example.com has not confirmed", fix);
        let mut none = facts();
        none.alarm_subscriptions = Ok(Some(Vec::new()));
        assert_fault(&none, "notification", "has no subscription", &format!("aws sns subscribe --topic-arn {TOPIC}"));

        let mut unwanted = facts();
        unwanted.names.alarm_topic = None;
        unwanted.alarms.as_mut().unwrap()[0].actions.clear();
        assert_sound(&unwanted);
    }
}
