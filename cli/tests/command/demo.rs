//! `label-lake demo`.

use rekognition_simulator::Simulator;

use crate::account::{Account, DATABASE, job, with_catalog};
use crate::deployment::Deployment;

#[tokio::test(flavor = "multi_thread")]
async fn exports_queries_and_reports_a_sample_and_removes_it() {
    let account = Account::start(with_catalog(Simulator::builder().job("job-1", job(4))), &[]).await;
    account.export("job-1").await;
    let deployment = Deployment::of(account, &[], &[]).await;
    let simulator = &deployment.account.simulator;
    let before: Vec<_> = simulator.objects().into_keys().collect();
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("sample.html");
    let page_path = page.to_str().unwrap();
    let arguments = ["demo", "--stack", "label-lake", "--out", page_path];
    let output = deployment.run_with(&arguments, &["ATHENA"]).await;
    assert_eq!(output.code, Some(0), "{}{}", output.stdout, output.stderr);
    for words in [
        "label-lake-sample  EXPORTED  220 labels, 10,000 detections",
        "label_name  detections\nPerson            1639\n-                  820\n",
        "label-lake demo --stack label-lake --clean",
    ] {
        assert!(output.stdout.contains(words), "{}", output.stdout);
    }
    assert!(std::fs::read_to_string(&page).unwrap().contains("label-lake demo"));
    assert_eq!(simulator.partitions(DATABASE, "label_detections").len(), 220);
    assert_eq!(simulator.objects().len(), before.len() + 221);

    // A second run finds the sample.
    let again = deployment.run_with(&arguments, &["ATHENA"]).await;
    assert_eq!(again.code, Some(0), "{}{}", again.stdout, again.stderr);
    assert!(again.stdout.contains("label-lake-sample  ALREADY_COMMITTED"), "{}", again.stdout);

    for _ in 0..2 {
        let clean = deployment.run(&["demo", "--stack", "label-lake", "--out", page_path, "--clean"]).await;
        assert_eq!(clean.code, Some(0), "{}{}", clean.stdout, clean.stderr);
        assert!(!page.exists());
        assert_eq!(simulator.objects().into_keys().collect::<Vec<_>>(), before);
        assert!(simulator.partitions(DATABASE, "label_detections").is_empty());
    }
}

#[tokio::test]
async fn keeps_a_file_that_is_not_a_report() {
    let deployment = Deployment::of(Account::new(Simulator::builder().start().await.unwrap()), &[], &[]).await;
    let directory = tempfile::tempdir().unwrap();
    let page = directory.path().join("notes.html");
    std::fs::write(&page, "notes").unwrap();
    for more in [&[][..], &["--clean"]] {
        let arguments = [&["demo", "--stack", "label-lake", "--out", page.to_str().unwrap()], more].concat();
        let refused = deployment.run(&arguments).await;
        assert_eq!((refused.code, &*refused.stdout), (Some(1), ""));
        assert!(refused.stderr.contains("is not a report of label-lake"), "{}", refused.stderr);
        assert_eq!(std::fs::read(&page).unwrap(), b"notes");
    }
}
