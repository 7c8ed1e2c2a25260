// The head of the page: name of the video, facts of the job, and what is wrong with it.

function drawHeader() {
  const { bucket, key, version } = job.video;
  const name = key?.split("/").pop() || `Job ${job.id}`;
  byId("title").textContent = name;

  const parts = [];
  if (bucket !== null && key !== null) parts.push(isolated(`s3://${bucket}/${key}`, "uri"));
  if (version !== null) parts.push(isolated(`version ${version}`));
  const id = element("span", "", "job ");
  id.append(isolated(job.id, "job"));
  parts.push(id);
  if (job.tag !== null) parts.push(isolated(job.tag));
  if (job.labelModelVersion !== null && !job.generated) parts.push(isolated(`model ${job.labelModelVersion}`));
  if (job.frameWidth && job.frameHeight) {
    const rate = job.frameRate ? ` at ${Number(job.frameRate.toFixed(3))} fps` : "";
    parts.push(element("span", "", `${job.frameWidth}×${job.frameHeight}${rate}`));
  }
  if (job.completedAtMs !== null) parts.push(element("span", "", utc(job.completedAtMs)));
  byId("subtitle").replaceChildren(...parts);

  if (job.generated) {
    byId("notice").textContent = "Generated sample. Its labels are made up; no video was analyzed.";
    byId("notice").hidden = false;
  }

  const known = (value, text = INTEGER.format(value ?? 0)) => (value === null ? null : text);
  const facts = [
    ["Duration", known(job.durationMs, clock(job.durationMs ?? 0))],
    ["Labels", known(job.labelCount)],
    ["Detections", known(job.detectionCount)],
    ["Boxes", known(job.instanceCount)],
    ["Segments", known(job.segmentCount)],
  ];
  for (const [term, value] of facts) {
    if (value === null) continue;
    const fact = element("div");
    fact.append(element("dt", "", term), element("dd", "", value));
    byId("facts").append(fact);
  }
  byId("footer").textContent =
    "Made by label-lake report. This file loads nothing from the network except a linked video.";
}

/** Shows why there are no lanes. Returns true if there are none. */
function drawMessage() {
  const message = byId("message");
  if (job.status !== "SUCCEEDED") {
    message.replaceChildren(element("strong", "", `This job has the status ${job.status}.`), " ");
    if (job.statusMessage) message.append(isolated(job.statusMessage), " ");
    message.append("Rekognition returned no labels for it.");
    message.classList.add("failed");
  } else if (state.labels.length === 0) {
    message.replaceChildren(
      element("strong", "", "No label was detected in this video."),
      " Rekognition analyzed the whole video and returned no label with the confidence that the job asked for.",
    );
  } else {
    return false;
  }
  message.hidden = false;
  return true;
}
