//! Generated jobs look like videos: labels come together, stay for seconds, and go.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // A panic is how a test fails.

use std::collections::{BTreeMap, BTreeSet};

use rekognition_simulator::{Aggregation, Generated, Job, Simulator};
use serde_json::Value;

/// Time between two samples, in milliseconds.
const SAMPLE: u64 = 500;

/// The labels of a job by name, and the number of samples of its video.
struct Video {
    labels: BTreeMap<String, Label>,
    samples: u64,
}

/// A label, with its confidences by sample.
#[derive(Default)]
struct Label {
    category: String,
    parents: BTreeSet<String>,
    confidences: BTreeMap<u64, f64>,
}

impl Label {
    /// Returns the samples of each period in which the label is detected without interruption.
    fn runs(&self) -> Vec<Vec<u64>> {
        let samples: Vec<_> = self.confidences.keys().copied().collect();
        samples.chunk_by(|sample, next| sample + 1 == *next).map(<[u64]>::to_vec).collect()
    }

    /// Returns the number of samples in which both labels are detected.
    fn together(&self, other: &Self) -> usize {
        self.confidences.keys().filter(|sample| other.confidences.contains_key(sample)).count()
    }
}

async fn video(detections: usize, label_names: usize) -> Video {
    let job = Job::generated(Generated { detections, label_names, ..Generated::default() });
    let simulator = Simulator::builder().job("job-1", job).start().await.unwrap();
    let mut labels: BTreeMap<String, Label> = BTreeMap::new();
    let all = simulator.served("job-1", Aggregation::Timestamps);
    assert_eq!(all.len(), detections);
    for element in all {
        let name = |value: &Value| value["Name"].as_str().unwrap().to_owned();
        let label = labels.entry(name(&element["Label"])).or_default();
        label.category = name(&element["Label"]["Categories"][0]);
        label.parents = element["Label"]["Parents"].as_array().unwrap().iter().map(name).collect();
        let time = element["Timestamp"].as_u64().unwrap();
        assert_eq!(time % SAMPLE, 0);
        let before = label.confidences.insert(time / SAMPLE, element["Label"]["Confidence"].as_f64().unwrap());
        assert_eq!(before, None, "a label is detected once in a sample");
    }
    let last = labels.values().filter_map(|label| label.confidences.keys().last()).max().unwrap();
    Video { samples: last + 1, labels }
}

#[tokio::test]
async fn labels_stay_for_seconds() {
    for (detections, names) in [(10_000, 220), (50_000, 378)] {
        let video = video(detections, names).await;
        let runs: Vec<_> = video.labels.values().flat_map(Label::runs).collect();
        let mean = detections as f64 / runs.len() as f64;
        assert!((5.0..12.0).contains(&mean), "{mean} samples");
        let brief: usize = runs.iter().map(Vec::len).filter(|&samples| samples < 2).sum();
        assert!(brief * 20 < detections, "{brief} detections are in a single sample");
        // A change of more than that is a cut.
        let changes = video.labels.values().flat_map(|label| {
            let change = |pair: &[u64]| (label.confidences[&pair[0]] - label.confidences[&pair[1]]).abs();
            label.runs().iter().flat_map(|run| run.windows(2)).map(change).collect::<Vec<_>>()
        });
        let changes: Vec<_> = changes.collect();
        let smooth = changes.iter().filter(|&&change| change < 2.1).count();
        assert!(smooth * 10 > changes.len() * 8, "{smooth} of {} changes are smooth", changes.len());
    }
}

#[tokio::test]
async fn labels_come_together_with_their_parents() {
    for (detections, names) in [(10_000, 220), (50_000, 3_082)] {
        let Video { labels, .. } = video(detections, names).await;
        let mut children = 0;
        for (name, label) in &labels {
            for parent in label.parents.iter().filter_map(|parent| labels.get(parent)) {
                assert_eq!(label.together(parent), label.confidences.len(), "{name} without a parent");
                children += 1;
            }
        }
        assert!(children * 10 > names * 9, "{children} of {names} labels have a parent");
        let dog = &labels["Dog"];
        assert!(dog.parents.contains("Animal") && labels.contains_key("Animal"));
    }
}

#[tokio::test]
async fn labels_of_a_category_come_together_and_go_together() {
    let video = video(10_000, 220).await;
    let frequent: Vec<_> = video.labels.values().filter(|label| label.confidences.len() >= 30).collect();
    // Number of samples in which two labels are seen together, against the number for labels that are spread evenly.
    let together = |same_category: bool| {
        let (mut seen, mut expected) = (0.0, 0.0);
        for (index, one) in frequent.iter().enumerate() {
            for other in &frequent[..index] {
                if (one.category == other.category) == same_category && one.category != "Person Description" {
                    seen += one.together(other) as f64;
                    expected += (one.confidences.len() * other.confidences.len()) as f64 / video.samples as f64;
                }
            }
        }
        seen / expected
    };
    let (same, different) = (together(true), together(false));
    assert!(same > 3.0 && different < 1.5, "{same} times as often in a category, {different} times otherwise");
}

#[tokio::test]
async fn some_labels_are_nearly_always_seen_and_sometimes_nothing_is() {
    let video = video(10_000, 220).await;
    let share = |samples: usize| samples * 100 / video.samples as usize;
    let person = &video.labels["Person"];
    assert!((75..90).contains(&share(person.confidences.len())), "{} %", share(person.confidences.len()));
    let seen: BTreeSet<_> = video.labels.values().flat_map(|label| label.confidences.keys()).collect();
    let nothing = 100 - share(seen.len());
    assert!((1..10).contains(&nothing), "{nothing} %");
    // Others go for a while and return.
    let animal = video.labels["Animal"].runs();
    let gaps = animal.windows(2).map(|pair| pair[1][0] - pair[0].last().unwrap());
    assert!(gaps.clone().filter(|&gap| gap > 60).count() >= 2, "{:?}", gaps.collect::<Vec<_>>());
}
