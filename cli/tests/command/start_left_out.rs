//! `label-lake start`: objects that cannot be started, and backlogs that are too large.

use rekognition_simulator::Fault;

use crate::start::{Report, with_videos};

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
