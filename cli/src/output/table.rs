//! Text in columns.

use console::{Alignment, measure_text_width, pad_str};

/// Space between two columns.
pub(crate) const GAP: &str = "  ";

/// A column: its heading, and one cell for each row.
pub(crate) struct Column {
    alignment: Alignment,
    heading: String,
    cells: Vec<String>,
}

impl Column {
    /// Creates a column of text.
    pub(crate) fn text(heading: impl Into<String>, cells: impl Iterator<Item = String>) -> Self {
        Self { alignment: Alignment::Left, heading: heading.into(), cells: cells.collect() }
    }

    /// Creates a column of numbers.
    pub(crate) fn numbers(heading: impl Into<String>, cells: impl Iterator<Item = String>) -> Self {
        Self { alignment: Alignment::Right, ..Self::text(heading, cells) }
    }

    /// Returns the width of the widest cell, including the heading, in columns of the terminal.
    pub(crate) fn width(&self) -> usize {
        self.cells.iter().chain([&self.heading]).map(|cell| measure_text_width(cell)).max().unwrap_or_default()
    }

    /// Shortens the cells to a width. The end of a cell stays, which has the name of the file in a path.
    pub(crate) fn shorten(&mut self, width: usize) {
        for cell in &mut self.cells {
            if measure_text_width(cell) > width {
                *cell = shorten_start(cell, width);
            }
        }
    }
}

/// Returns the cell of a value that is absent.
pub(crate) fn absent() -> String {
    "-".to_owned()
}

/// Returns the lines of a table. Each column is as wide as its widest cell; the last one is not padded.
pub(crate) fn table(columns: &[Column]) -> String {
    let widths: Vec<_> = columns.iter().map(Column::width).collect();
    let rows = columns.iter().map(|column| column.cells.len()).max().unwrap_or_default();
    let mut text = String::new();
    for row in 0..=rows {
        let mut line = String::new();
        for (column, &width) in columns.iter().zip(&widths) {
            let cell = row.checked_sub(1).map_or(Some(&column.heading), |row| column.cells.get(row));
            let cell = cell.map(String::as_str).unwrap_or_default();
            line.push_str(&pad_str(cell, width, column.alignment, None));
            line.push_str(GAP);
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn shorten_start(text: &str, width: usize) -> String {
    let starts = text.char_indices().map(|(start, _)| start);
    let end = starts.map(|start| &text[start..]).find(|end| measure_text_width(end) + 3 <= width);
    format!("...{}", end.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn cells<const N: usize>(cells: [&str; N]) -> impl Iterator<Item = String> {
        cells.map(str::to_owned).into_iter()
    }

    #[test]
    fn aligns_wide_characters() {
        let columns = [
            Column::text("video", cells(["海滩.mp4", "beach.mp4"])),
            Column::numbers("labels", cells(["7", "12,345"])),
            Column::text("job", cells(["a", "b"])),
        ];
        expect![[r"
            video      labels  job
            海滩.mp4        7  a
            beach.mp4  12,345  b
        "]]
        .assert_eq(&table(&columns));
    }

    #[test]
    fn keeps_the_end_of_a_shortened_cell() {
        let mut column = Column::text("video", cells(["s3://videos/2025/beach day.mp4", "s3://v/海滩.mp4", "-"]));
        column.shorten(12);
        assert_eq!(column.cells, ["...h day.mp4", ".../海滩.mp4", "-"]);
    }
}
