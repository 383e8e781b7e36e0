//! What every report carries within itself: the style, and the charts' script if it was built.

/// The style of reports. The charts' own is in [`Charts`].
pub const STYLE: &str = concat!(include_str!("page.css"), include_str!("parts.css"));

/// The script that draws charts, with its style.
pub struct Charts {
    /// One classic script.
    pub script: &'static str,
    /// One style sheet.
    pub style: &'static str,
}

/// `None` if the pages were not built before this program was.
pub const CHARTS: Option<Charts> = include!(concat!(env!("OUT_DIR"), "/charts.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_them_ends_the_element_that_holds_them() {
        assert!(!STYLE.contains("</"));
        if let Some(Charts { script, style }) = CHARTS {
            assert!(!script.contains("</script") && !script.contains("<!--"));
            assert!(!style.contains("</"));
        }
    }
}
