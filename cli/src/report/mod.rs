//! A report of a job: one HTML file that shows when its labels are seen, and loads nothing from elsewhere.
//!
//! # Format
//!
//! `page.html` is the template, with the style in `style/` and the script in `script/`. A page has these data elements.
//! `packed` means: compressed with raw deflate, then in base64.
//!
//! **`<script type="application/json" id="report">`**: JSON with the facts of the job, the end of the time axis
//! (`timelineMs`), the video to play, and pictures of the video. [`facts`] has the fields.
//!
//! **`<script type="text/plain" id="labels">`**: packed JSON, an array of the labels, biggest first. The index of a label is
//! its number in the blocks.
//!
//! **`<script type="text/plain" id="lanes">`**: packed bytes. Each label with a lane has `ceil(timelineMs / cellMs)` (at least
//! one) cells. First come the codes of the highest confidence in each cell, for all labels in the order of the array, and
//! then the most instances at once in each cell, at most 255. The code of a confidence is 0 if the label is not seen, 1 if it
//! is seen and the confidence is absent, or else 2 plus the whole percent below it. A sample counts until the next sample of
//! the label if that is at most 1,000 ms later, or else in its own cell only. A segment counts from its start to its end.
//!
//! **`<script type="text/plain" data-boxes data-from="MS" data-to="MS">`**: a packed block with the samples in a part of the
//! video, with exact times. The blocks are at the end of the file, in order and without gaps, so that a page can decode each
//! of them when it needs it. A job without detections has no blocks. A block is a sequence of groups, each with the samples
//! of one label:
//!
//! | values | coding | meaning |
//! |---|---|---|
//! | 1 | varint | index of the label |
//! | 1 | varint | number of samples *n* |
//! | n | varint | time in ms: the first from `data-from`, each other from the one before |
//! | n | byte | code of the confidence of the label |
//! | n | varint | number of boxes; their sum is *b* |
//! | b | byte | code of the confidence of the instance |
//! | b each | 16 bits, signed, little-endian | left sides, then tops, then widths, then heights, as ratios of the frame times 8,192 |
//!
//! A varint is an unsigned LEB128 number.

mod blocks;
mod cells;
mod coding;
mod facts;
pub(crate) mod html_file;
pub(crate) mod index;
mod label_rows;
mod lanes;
pub(crate) mod page;
mod sightings;
mod template;
pub(crate) mod thumbnails;
pub(crate) mod video;
