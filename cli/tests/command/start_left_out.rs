//! `label-lake start`: objects that cannot be started, and backlogs that are too large.

use rekognition_simulator::Fault;

use crate::start::{Report, keys, once, with_videos};

#[tokio::test(flavor = "multi_thread")]
async fn archived_and_empty_objects_are_left_out() {
    let deployment = with_videos(&["a.mp4"]).await;
    let store = deployment.account.simulator.store();
    store.put("empty.mp4", "");
    for (key, class, restored) in [
        ("glacier.mp4", "GLACIER", false),
        ("deep.mp4", "DEEP_ARCHIVE", false),
        ("restored.mp4", "GLACIER", true),
        ("instant.mp4", "GLACIER_IR", false),
    ] {
        store.put_archived(key, "x", class, restored);
    }
    let (report, mut path) = (Report::new(), String::new());
    let output = deployment.run(&[&report.arguments(&mut path, &["s3://videos"])[..], &["--dry-run"]].concat()).await;
    for line in [
        "left out  s3://videos/deep.mp4  archived\n",
        "left out  s3://videos/empty.mp4  empty\n",
        "left out  s3://videos/glacier.mp4  archived\n",
        "3 videos to start, 3 B\n",
        "  2 left out: archived; restore them first\n",
        "  1 left out: empty\n",
    ] {
        assert!(output.stdout.contains(line), "{line}: {}", output.stdout);
    }
    let output = report.run(&deployment, &["s3://videos"]).await;
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert_eq!(keys(&deployment), once(&["a.mp4", "instant.mp4", "restored.mp4"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_in_another_region_needs_a_stack_there() {
    let deployment = with_videos(&["a.mp4"]).await;
    for (region, place) in [("eu-west-1", "eu-west-1"), ("", "the region of the bucket")] {
        let listed = Fault::on("ListObjectVersions");
        deployment.account.simulator.add_fault(match region {
            "" => listed.status(301, "PermanentRedirect"),
            region => listed.status_with_header(301, "PermanentRedirect", "x-amz-bucket-region", region),
        });
        let output = Report::new().run(&deployment, &["s3://videos"]).await;
        assert_eq!((output.code, &*output.stdout), (Some(1), ""));
        let hint =
            format!("\nhint: a stack starts only videos of buckets in its own region: deploy a stack in {place}\n");
        assert!(
            output.stderr.starts_with("error: s3:ListBucketVersions on s3://videos/ failed: "),
            "{}",
            output.stderr
        );
        assert!(output.stderr.ends_with(&hint), "{}", output.stderr);
        output.assert_one_error();
    }
}
