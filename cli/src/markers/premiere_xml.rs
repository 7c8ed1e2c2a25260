//! Final Cut Pro 7 XML (`xmeml`), the XML that Premiere Pro imports. It is not the FCPXML of Final Cut Pro X.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{Marker, Markers, confidence_text, relative_url};

type Xml = Writer<Vec<u8>>;

/// Returns a sequence with the video as its only clip, and a marker of the sequence for each marker.
pub(super) fn format(markers: &Markers) -> anyhow::Result<Vec<u8>> {
    let mut xml = Writer::new_with_indent(Vec::new(), b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    xml.write_event(Event::DocType(BytesText::new("xmeml")))?;
    xml.create_element("xmeml").with_attribute(("version", "5")).write_inner_content(|xml| {
        xml.create_element("sequence").with_attribute(("id", "sequence-1")).write_inner_content(|xml| {
            text(xml, "name", &markers.title())?;
            text(xml, "duration", &markers.frames.to_string())?;
            rate(xml, markers)?;
            timecode(xml, markers)?;
            media(xml, markers)?;
            markers.list.iter().try_for_each(|one| marker(xml, one))
        })?;
        Ok(())
    })?;
    let mut bytes = xml.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

/// Writes a marker. Its frames count from the start of the sequence, and `out` is exclusive.
fn marker(xml: &mut Xml, marker: &Marker) -> io::Result<()> {
    element(xml, "marker", |xml| {
        text(xml, "comment", &marker.interval.confidence.map(confidence_text).unwrap_or_default())?;
        text(xml, "name", &marker.name)?;
        text(xml, "in", &marker.frames.start.to_string())?;
        text(xml, "out", &marker.frames.end.to_string())
    })
}

/// Writes the timecode of the first frame.
fn timecode(xml: &mut Xml, markers: &Markers) -> io::Result<()> {
    element(xml, "timecode", |xml| {
        rate(xml, markers)?;
        text(xml, "string", &markers.start.to_string())?;
        text(xml, "frame", &markers.counting.frame(markers.start).to_string())?;
        text(xml, "displayformat", if markers.counting.is_drop_frame() { "DF" } else { "NDF" })
    })
}

/// Writes the track of pictures with the video.
fn media(xml: &mut Xml, markers: &Markers) -> io::Result<()> {
    let frames = markers.frames.to_string();
    element(xml, "media", |xml| {
        element(xml, "video", |xml| {
            element(xml, "format", |xml| characteristics(xml, markers))?;
            element(xml, "track", |xml| {
                let clip = xml.create_element("clipitem").with_attribute(("id", "clipitem-1"));
                clip.write_inner_content(|xml| {
                    text(xml, "name", &markers.title())?;
                    text(xml, "duration", &frames)?;
                    rate(xml, markers)?;
                    for (name, frame) in [("start", "0"), ("end", &frames), ("in", "0"), ("out", &frames)] {
                        text(xml, name, frame)?;
                    }
                    file(xml, markers)
                })?;
                Ok(())
            })
        })
    })
}

/// Writes the video's file. Premiere Pro asks for the file if it is not beside the XML.
fn file(xml: &mut Xml, markers: &Markers) -> io::Result<()> {
    xml.create_element("file").with_attribute(("id", "file-1")).write_inner_content(|xml| {
        text(xml, "name", &markers.title())?;
        if let Some(video) = &markers.video {
            text(xml, "pathurl", &relative_url(video))?;
        }
        rate(xml, markers)?;
        text(xml, "duration", &markers.frames.to_string())?;
        element(xml, "media", |xml| element(xml, "video", |xml| characteristics(xml, markers)))
    })?;
    Ok(())
}

fn characteristics(xml: &mut Xml, markers: &Markers) -> io::Result<()> {
    element(xml, "samplecharacteristics", |xml| {
        rate(xml, markers)?;
        if let Some((width, height)) = markers.size {
            text(xml, "width", &width.to_string())?;
            text(xml, "height", &height.to_string())?;
        }
        Ok(())
    })
}

/// Writes the rate as whole frames a second. `ntsc` makes it 1000/1001 of that.
fn rate(xml: &mut Xml, markers: &Markers) -> io::Result<()> {
    let rate = markers.counting.rate();
    element(xml, "rate", |xml| {
        text(xml, "timebase", &rate.nominal().to_string())?;
        text(xml, "ntsc", if rate.is_ntsc() { "TRUE" } else { "FALSE" })
    })
}

fn element(xml: &mut Xml, name: &str, inner: impl FnOnce(&mut Xml) -> io::Result<()>) -> io::Result<()> {
    xml.create_element(name).write_inner_content(inner)?;
    Ok(())
}

fn text(xml: &mut Xml, name: &str, text: &str) -> io::Result<()> {
    xml.create_element(name).write_text_content(BytesText::new(text))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::samples::markers;
    use super::*;

    #[test]
    fn writes_a_sequence_with_markers() {
        expect![[r#"
            <?xml version="1.0" encoding="UTF-8"?>
            <!DOCTYPE xmeml>
            <xmeml version="5">
              <sequence id="sequence-1">
                <name>beach &lt;day&gt;.mp4</name>
                <duration>86338</duration>
                <rate>
                  <timebase>24</timebase>
                  <ntsc>TRUE</ntsc>
                </rate>
                <timecode>
                  <rate>
                    <timebase>24</timebase>
                    <ntsc>TRUE</ntsc>
                  </rate>
                  <string>01:00:00:00</string>
                  <frame>86400</frame>
                  <displayformat>NDF</displayformat>
                </timecode>
                <media>
                  <video>
                    <format>
                      <samplecharacteristics>
                        <rate>
                          <timebase>24</timebase>
                          <ntsc>TRUE</ntsc>
                        </rate>
                        <width>1920</width>
                        <height>1080</height>
                      </samplecharacteristics>
                    </format>
                    <track>
                      <clipitem id="clipitem-1">
                        <name>beach &lt;day&gt;.mp4</name>
                        <duration>86338</duration>
                        <rate>
                          <timebase>24</timebase>
                          <ntsc>TRUE</ntsc>
                        </rate>
                        <start>0</start>
                        <end>86338</end>
                        <in>0</in>
                        <out>86338</out>
                        <file id="file-1">
                          <name>beach &lt;day&gt;.mp4</name>
                          <pathurl>beach%20%3Cday%3E.mp4</pathurl>
                          <rate>
                            <timebase>24</timebase>
                            <ntsc>TRUE</ntsc>
                          </rate>
                          <duration>86338</duration>
                          <media>
                            <video>
                              <samplecharacteristics>
                                <rate>
                                  <timebase>24</timebase>
                                  <ntsc>TRUE</ntsc>
                                </rate>
                                <width>1920</width>
                                <height>1080</height>
                              </samplecharacteristics>
                            </video>
                          </media>
                        </file>
                      </clipitem>
                    </track>
                  </video>
                </media>
                <marker>
                  <comment>98.5 %</comment>
                  <name>Dog</name>
                  <in>0</in>
                  <out>49</out>
                </marker>
                <marker>
                  <comment></comment>
                  <name>a --&gt; &lt;b&gt; &amp; | c</name>
                  <in>0</in>
                  <out>1</out>
                </marker>
                <marker>
                  <comment>50.0 %</comment>
                  <name>\n=1+1</name>
                  <in>86313</in>
                  <out>86338</out>
                </marker>
              </sequence>
            </xmeml>
        "#]]
        .assert_eq(&String::from_utf8(format(&markers("23.976", "01:00:00:00")).unwrap()).unwrap());
    }
}
