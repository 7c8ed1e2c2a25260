//! `label-lake status`: whether jobs are in the lake.

use std::fmt::{self, Write as _};
use std::process::ExitCode;
use std::time::SystemTime;

use indicatif::{HumanBytes, HumanCount, HumanDuration};
use serde_json::{Value, json};

use crate::account::Account;
use crate::args::StatusArguments;
use crate::committed::JobRow;
use crate::known::{Committed, Known, SavedState, State};
use crate::report::timestamp;
use crate::{print, text};

/// Prints what the lake knows. The code is that of a failure if it does not know a job, or cannot read its row.
pub(crate) async fn status(arguments: &StatusArguments) -> anyhow::Result<ExitCode> {
    let account = Account::open().await?;
    let lake = account.lake(&arguments.lake, arguments.database.as_ref())?;
    let mut all = Vec::new();
    for job in &arguments.jobs {
        all.push(Known::read(&lake, job).await?);
    }
    let output = if arguments.json {
        let all: Vec<_> = all.iter().map(as_json).collect();
        format!("{}\n", serde_json::to_string_pretty(&all)?)
    } else {
        let all: Vec<_> = all.iter().map(as_text).collect();
        all.join("\n")
    };
    print(output.as_bytes())?;
    let unreadable: Vec<_> = all.iter().filter_map(Known::unreadable).collect();
    for error in &unreadable {
        eprintln!("error: {error}");
    }
    let known = all.iter().all(|known| known.state() != State::Unknown);
    Ok(if known && unreadable.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The block of lines of a job.
pub(crate) fn as_text(known: &Known) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write_text(&mut text, known);
    text
}

fn write_text(text: &mut String, known: &Known) -> fmt::Result {
    writeln!(text, "Job        {}", known.job)?;
    write!(text, "State      {}", known.state().name())?;
    match (known.state(), &known.commit) {
        (State::Committed, Some(Committed { at, row })) => {
            writeln!(text, "{}", at.map(|at| format!(" at {}", timestamp(at))).unwrap_or_default())?;
            match row {
                Ok(row) => write_row(text, row)?,
                Err(why) => writeln!(text, "Result     unreadable: {}", text::printable(why))?,
            }
        }
        (State::UnderWay, _) => writeln!(text, ", or interrupted")?,
        _ => writeln!(text, " to the lake")?,
    }
    if let Some(saved) = &known.saved {
        writeln!(text, "Saved      {}", saved_text(saved))?;
    } else if known.state() == State::UnderWay {
        writeln!(text, "Saved      never: its first invocation is at work, or was ended")?;
    }
    if known.files.count > 0 {
        writeln!(text, "Files      {}, {}", HumanCount(known.files.count), HumanBytes(known.files.bytes))?;
    }
    for partitions in known.partitions.iter().flatten() {
        let (registered, expected, table) = (partitions.registered, partitions.expected, partitions.table.name);
        if known.row().is_none() {
            writeln!(text, "Partitions {registered} in {table}")?;
        } else if partitions.missing == 0 {
            writeln!(text, "Partitions {registered} of {expected} in {table}")?;
        } else {
            let missing = partitions.missing;
            writeln!(
                text,
                "Partitions {registered} of {expected} in {table}: {missing} missing, run label-lake register"
            )?;
        }
    }
    Ok(())
}

fn write_row(text: &mut String, row: &JobRow) -> fmt::Result {
    match &row.status_message {
        Some(message) => writeln!(text, "Result     {}: {}", row.status, text::printable(message))?,
        None => writeln!(text, "Result     {}", row.status)?,
    }
    if let Some(labels) = row.label_count {
        writeln!(text, "Labels     {}", HumanCount(labels))?;
    }
    if let (Some(rows), Some(detections)) = (row.row_count, row.detection_count) {
        writeln!(text, "Rows       {}: {} detections", HumanCount(rows), HumanCount(detections))?;
    }
    if let Some(segments) = row.segment_count {
        writeln!(text, "Segments   {}", HumanCount(segments))?;
    }
    Ok(())
}

fn saved_text(saved: &SavedState) -> String {
    let ago = saved.at.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
    let ago = ago.map_or_else(|| "at an unknown time".to_owned(), |ago| format!("{} ago", HumanDuration(ago)));
    match saved.pages {
        Some(pages) => format!("{ago}, {} pages so far", HumanCount(pages)),
        None => format!("{ago}, by another version of the function"),
    }
}

fn as_json(known: &Known) -> Value {
    let mut json = json!({ "jobId": known.job.as_str(), "state": known.state().name() });
    if let Some(commit) = &known.commit {
        json["committedAt"] = commit.at.map(timestamp).into();
    }
    if let Some(error) = known.unreadable() {
        json["error"] = error.into();
    }
    if let Some(row) = known.row() {
        json["status"] = row.status.as_str().into();
        json["statusMessage"] = row.status_message.as_deref().into();
        json["aggregateBy"] = row.aggregate_by.clone().into();
        json["labels"] = row.label_count.into();
        json["detections"] = row.detection_count.into();
        json["rows"] = row.row_count.into();
        json["segments"] = row.segment_count.into();
    }
    if let Some(saved) = &known.saved {
        json["savedAt"] = saved.at.map(timestamp).into();
        json["pages"] = saved.pages.into();
    }
    json["files"] = known.files.count.into();
    json["bytes"] = known.files.bytes.into();
    if let Some(partitions) = &known.partitions {
        let counts = partitions.iter().map(|counts| {
            let expected = known.row().map(|_| counts.expected);
            let missing = known.row().map(|_| counts.missing);
            let counted = json!({ "registered": counts.registered, "expected": expected, "missing": missing });
            (counts.table.name.to_owned(), counted)
        });
        json["partitions"] = Value::Object(counts.collect());
    }
    json
}
