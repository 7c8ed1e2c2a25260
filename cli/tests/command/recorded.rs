//! `label-lake run --recorded`: converts the output of the AWS CLI to a lake.

use std::fs;
use std::path::PathBuf;

use serde_json::{Value, json};

use crate::{CommandOutput, JOB, Workspace, event, label_lake};

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn converts_one_reply_of_a_model_2_job() {
    let workspace = Workspace::new();
    let summary = workspace.run(event("sns.json"), &["--json", "--recorded", &data("one-reply.json")]).json();
    let job = &summary["jobs"][0];
    assert_eq!(job["detections"], 10);
    assert_eq!(job["instances"], 4);
    // One detection has two instances, and therefore two rows.
    assert_eq!(job["rows"], 11);
    assert_eq!(workspace.rows("label_detections"), 11);
    // The reply does not name the video, but the event does.
    assert_eq!(job["video"], "s3://example-videos/videos/beach day.mp4");
}

#[test]
fn escapes_label_names_in_paths() {
    let workspace = Workspace::new();
    workspace.run(event("sns.json"), &["--recorded", &data("one-reply.json")]);
    let labels: Vec<_> = workspace
        .files()
        .into_keys()
        .filter_map(|path| {
            let label = path.strip_prefix(&format!("label_detections/job_id={JOB}/label="))?;
            label.strip_suffix("/part-00000.parquet").map(str::to_owned)
        })
        .collect();
    assert_eq!(
        labels,
        [
            "A%2FB%3A 50%25 %5Bx%5D",
            "American Football (Ball)",
            "Caño Cristales",
            "Farmer%27s Market",
            "Person",
            "__HIVE_DEFAULT_PARTITION__",
        ]
    );
}

#[test]
fn converts_pages_in_any_order_to_the_lake_of_a_single_reply() {
    let (whole, pages) = (Workspace::new(), Workspace::new());
    whole.run(event("sns.json"), &["--recorded", &data("one-reply.json")]);
    let [first, second, third] = ["page-1.json", "page-2.json", "page-3.json"].map(data);
    let output = pages.run(event("sns.json"), &["--recorded", &third, &first, &second]);
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert_eq!(pages.files(), whole.files());
}

#[test]
fn rejects_a_wrong_recording_before_creating_the_lake() {
    let [whole, first, last] = ["one-reply.json", "page-1.json", "page-3.json"].map(data);
    let sample = event("sns.json").display().to_string();
    for (more, words) in [
        (vec!["--recorded", &*first], "has a NextToken"),
        (vec!["--recorded", &first, &last, &whole], "2 recordings"),
        (vec!["--recorded", &sample], "is an event, not a reply"),
        (vec!["--recorded", "no-such-file"], "cannot read recorded reply no-such-file"),
        (vec!["--aggregate-by", "SEGMENTS", "--recorded", &whole], "not aggregated by SEGMENTS"),
    ] {
        let workspace = Workspace::new();
        let output = workspace.run(event("sns.json"), &more);
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{words}");
        assert!(output.stderr.starts_with("error: ") && output.stderr.contains(words), "{words}: {}", output.stderr);
        output.assert_one_error();
        assert!(!workspace.lake().exists());
    }
}

#[test]
fn rejects_a_recording_for_an_event_with_two_jobs() {
    let workspace = Workspace::new();
    let two = r#"{"Records": [{"Sns": {"Message": "{\"JobId\":\"a\"}"}}, {"Sns": {"Message": "{\"JobId\":\"b\"}"}}]}"#;
    let output = workspace.run_with_input("-", &["--recorded", &data("one-reply.json")], two);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("the event names 2"), "{}", output.stderr);
}

/// Returns a complete reply with one detection.
fn reply() -> Value {
    json!({
        "JobStatus": "SUCCEEDED",
        "JobId": JOB,
        "LabelModelVersion": "3.0",
        "Labels": [{"Timestamp": 0, "Label": {"Name": "Dog", "Confidence": 90.5, "Instances": [], "Parents": []}}],
        "GetRequestMetadata": {"SortBy": "TIMESTAMP", "AggregateBy": "TIMESTAMPS"},
    })
}

impl Workspace {
    /// Converts recorded files without an event.
    fn convert(&self, files: &[(&str, Vec<u8>)], more: &[&str]) -> CommandOutput {
        let paths: Vec<PathBuf> = files
            .iter()
            .map(|(name, bytes)| {
                let path = self.directory.path().join(name);
                fs::write(&path, bytes).unwrap();
                path
            })
            .collect();
        let lake = self.lake();
        let mut arguments = vec!["run".into(), "--out".into(), lake.into_os_string()];
        arguments.extend(more.iter().map(Into::into));
        arguments.push("--recorded".into());
        arguments.extend(paths.into_iter().map(PathBuf::into_os_string));
        label_lake(arguments, "")
    }
}

#[test]
fn needs_no_event_if_the_replies_name_their_job() {
    let workspace = Workspace::new();
    let output = workspace.convert(&[("reply.json", reply().to_string().into_bytes())], &["--json"]);
    assert_eq!(output.json()["jobs"][0]["jobId"], JOB, "{}", output.stderr);

    let mut unnamed = reply();
    unnamed.as_object_mut().unwrap().remove("JobId");
    let unnamed = [("reply.json", unnamed.to_string().into_bytes())];
    let output = Workspace::new().convert(&unnamed, &[]);
    assert!(output.code == Some(1) && output.stderr.contains("--job-id"), "{}", output.stderr);
    let output = Workspace::new().convert(&unnamed, &["--json", "--job-id", "my-job"]);
    assert_eq!(output.json()["jobs"][0]["jobId"], "my-job", "{}", output.stderr);
}

#[test]
fn every_dialect_and_encoding_becomes_the_same_lake() {
    let expected = Workspace::new();
    expected.convert(&[("reply.json", reply().to_string().into_bytes())], &[]);
    let expected = expected.files();
    assert_eq!(expected.len(), 2);

    let mut go = reply();
    go["NextToken"] = Value::Null;
    go["ResultMetadata"] = json!({});
    let mut empty_token = reply();
    empty_token["NextToken"] = json!("");
    let mut dotnet = reply();
    dotnet["JobStatus"] = json!({"Value": "SUCCEEDED"});
    dotnet["GetRequestMetadata"]["AggregateBy"] = json!({"Value": "TIMESTAMPS"});
    for name in ["StartTimestampMillis", "EndTimestampMillis", "DurationMillis"] {
        dotnet["Labels"][0][name] = json!(0);
    }
    let java = json!({
        "jobStatus": "SUCCEEDED",
        "jobId": JOB,
        "labelModelVersion": "3.0",
        "labels": [{"timestamp": 0, "label": {"name": "Dog", "confidence": 90.5, "instances": [], "parents": []}}],
        "getRequestMetadata": {"sortBy": "TIMESTAMP", "aggregateBy": "TIMESTAMPS"},
    });
    let ruby = json!({
        "job_status": "SUCCEEDED",
        "job_id": JOB,
        "label_model_version": "3.0",
        "next_token": null,
        "labels": [{"timestamp": 0, "label": {"name": "Dog", "confidence": 90.5, "instances": [], "parents": []}}],
        "get_request_metadata": {"sort_by": "TIMESTAMP", "aggregate_by": "TIMESTAMPS"},
    });
    let with_metadata = |field: &str, metadata: Value| {
        let mut reply = reply();
        reply[field] = metadata;
        reply.to_string().into_bytes()
    };
    let polled = format!("{}\n{}\n", json!({"JobStatus": "IN_PROGRESS", "Labels": [], "JobId": JOB}), reply());
    let powershell: Vec<u8> = reply()
        .to_string()
        .encode_utf16()
        .fold(vec![0xFF, 0xFE], |bytes, unit| [bytes, unit.to_le_bytes().to_vec()].concat());
    for (dialect, bytes) in [
        ("boto3", with_metadata("ResponseMetadata", json!({"HTTPStatusCode": 200, "RetryAttempts": 0}))),
        ("JavaScript", with_metadata("$metadata", json!({"httpStatusCode": 200, "attempts": 1}))),
        ("PHP", with_metadata("@metadata", json!({"statusCode": 200, "headers": {}, "transferStats": []}))),
        ("AWS CLI, indented", serde_json::to_vec_pretty(&reply()).unwrap()),
        ("Go", go.to_string().into_bytes()),
        ("empty token", empty_token.to_string().into_bytes()),
        (".NET", dotnet.to_string().into_bytes()),
        ("Java", java.to_string().into_bytes()),
        ("Ruby", ruby.to_string().into_bytes()),
        ("array of pages", json!([reply()]).to_string().into_bytes()),
        ("JSON lines with polling", polled.into_bytes()),
        ("PowerShell", powershell),
        ("byte order mark", format!("\u{feff}{}", reply()).into_bytes()),
    ] {
        let workspace = Workspace::new();
        let output = workspace.convert(&[("reply.json", bytes)], &[]);
        assert_eq!((output.code, &*output.stderr), (Some(0), ""), "{dialect}");
        assert!(workspace.files() == expected, "{dialect}");
    }
}

#[test]
fn rejects_what_is_not_one_job_read_once_with_file_and_path() {
    let page = reply().to_string();
    let wrong = |edit: fn(&mut Value)| {
        let mut reply = reply();
        edit(&mut reply);
        reply.to_string()
    };
    let faces = json!({"JobStatus": "SUCCEEDED", "JobId": JOB, "Faces": []}).to_string();
    let image = json!({"Labels": [{"Name": "Dog", "Confidence": 99.1}]}).to_string();
    for (files, words) in [
        (
            vec![wrong(|reply| reply["Labels"][0]["Label"]["Parents"] = json!(["Animal"]))],
            "Labels[0].Label.Parents[0]: expected an object",
        ),
        (vec![wrong(|reply| reply["Labels"][0]["Timestamp"] = json!("0"))], "Labels[0].Timestamp: expected an integer"),
        (vec![wrong(|reply| reply["JobStatus"] = json!("WAT"))], "JobStatus: expected SUCCEEDED"),
        (vec![faces], "GetFaceDetection"),
        (vec![image], "DetectLabels"),
        (vec![page.clone(), page.clone()], "b.json, reply 1 is the same page as "),
        (vec![format!("[{page},{page}]")], "a.json, reply 2 is the same page as "),
    ] {
        let names = ["a.json", "b.json"];
        let files: Vec<_> = names.into_iter().zip(files.into_iter().map(String::into_bytes)).collect();
        let workspace = Workspace::new();
        let output = workspace.convert(&files, &[]);
        assert_eq!(output.code, Some(1), "{words}");
        assert!(output.stderr.contains(words) && output.stderr.contains("a.json"), "{words}: {}", output.stderr);
        assert!(!workspace.lake().exists());
    }
}

#[test]
fn says_how_to_record_what_it_cannot_read() {
    for (bytes, words) in [
        (b"\x1F\x8B\x08\x00".to_vec(), "it is compressed with gzip\nhint: decompress it first\n"),
        (
            b"{'JobStatus': 'SUCCEEDED'}".to_vec(),
            "\nhint: pass complete JSON, as the AWS CLI prints it with --output json\n",
        ),
        (
            b"JobStatus: SUCCEEDED\nLabels: []\n".to_vec(),
            "\nhint: pass complete JSON, as the AWS CLI prints it with --output json\n",
        ),
        (b"".to_vec(), "a.json has no reply"),
    ] {
        let workspace = Workspace::new();
        let output = workspace.convert(&[("a.json", bytes)], &[]);
        assert_eq!(output.code, Some(1), "{words}");
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
        assert!(!workspace.lake().exists());
    }
}

#[test]
fn rejects_a_reply_in_place_of_an_event() {
    let workspace = Workspace::new();
    let output = workspace.run_with_input("-", &[], &reply().to_string());
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("pass it with --recorded"), "{}", output.stderr);
}

#[test]
fn does_not_take_a_generated_sample_for_the_recorded_job() {
    let workspace = Workspace::new();
    let sample = workspace.run(event("sns.json"), &["--pages", "1", "--labels", "3", "--json"]).json();
    assert_eq!(sample["jobs"][0]["generated"], true);
    let text = workspace.run(event("sns.json"), &[]).stdout;
    assert!(text.contains("Generated sample"), "{text}");

    let files = [("reply.json", reply().to_string().into_bytes())];
    let output = workspace.convert(&files, &[]);
    assert_eq!(output.code, Some(1));
    for words in [JOB, "not converted", "--out"] {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
    let converted = Workspace::new().convert(&files, &["--json"]).json();
    assert_eq!(converted["jobs"][0]["generated"], false);
}

#[test]
fn reads_replies_from_standard_input() {
    let (from_file, piped) = (Workspace::new(), Workspace::new());
    from_file.convert(&[("reply.json", reply().to_string().into_bytes())], &[]);
    let lake = piped.lake();
    let arguments = ["run", "--out", lake.to_str().unwrap(), "--recorded", "-"];
    let output = label_lake(arguments, &reply().to_string());
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert_eq!(piped.files(), from_file.files());

    let output = label_lake(arguments, "{");
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.starts_with("error: standard input is not JSON"), "{}", output.stderr);
}

#[test]
fn rejects_standard_input_as_event_and_recording() {
    let workspace = Workspace::new();
    let output = workspace.run_with_input("-", &["--recorded", "-"], &reply().to_string());
    assert_eq!((output.code, &*output.stdout), (Some(1), ""));
    assert!(output.stderr.contains("EVENT and --recorded"), "{}", output.stderr);
    assert!(!workspace.lake().exists());
}

#[test]
fn says_how_to_pass_an_event_that_follows_the_recorded_files() {
    for name in fs::read_dir(event("")).unwrap().map(|entry| entry.unwrap().file_name()) {
        // A message of another API names no job.
        if name == "other-api.json" {
            continue;
        }
        let (workspace, event) = (Workspace::new(), event(name.to_str().unwrap()));
        let lake = workspace.lake();
        let mut arguments = vec!["run".into(), "--out".into(), lake.clone().into_os_string(), "--recorded".into()];
        arguments.extend([data("one-reply.json").into(), event.clone().into_os_string()]);
        let output = label_lake(arguments, "");
        assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{name:?}");
        let event = event.display();
        let expected = format!(
            "error: {event} is an event, not a reply of GetLabelDetection\n\
             hint: put it before the option: label-lake run {event} --recorded FILE\n"
        );
        assert_eq!(output.stderr, expected);
        assert!(!lake.exists());
    }
}

#[test]
fn rejects_replies_of_two_jobs_and_names_both_places() {
    let mut other = reply();
    other["JobId"] = json!("job-2");
    let files = [("a.json", reply().to_string().into_bytes()), ("b.json", other.to_string().into_bytes())];
    let output = Workspace::new().convert(&files, &[]);
    assert_eq!(output.code, Some(1));
    for words in ["b.json, reply 1 belongs to job job-2, but ", "a.json, reply 1 belongs to job ", JOB] {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
}

#[test]
fn replaces_the_committed_job_on_request() {
    let workspace = Workspace::new();
    let mut half = reply();
    half["Labels"] = json!([]);
    workspace.convert(&[("half.json", half.to_string().into_bytes())], &[]);
    let whole = [("whole.json", reply().to_string().into_bytes())];
    let again = workspace.convert(&whole, &[]);
    assert!(again.stdout.contains("Already committed") && again.stdout.contains("--overwrite"), "{}", again.stdout);
    let replaced = workspace.convert(&whole, &["--overwrite", "--json"]).json();
    assert_eq!((&replaced["jobs"][0]["outcome"], workspace.rows("label_detections")), (&json!("EXPORTED"), 1));
}

#[test]
fn recognizes_lines_of_replies_in_place_of_an_event() {
    let lines = format!("{}\n{}\n", reply(), reply());
    let output = Workspace::new().run_with_input("-", &[], &lines);
    assert_eq!(output.code, Some(1));
    assert!(output.stderr.contains("pass it with --recorded"), "{}", output.stderr);
}
