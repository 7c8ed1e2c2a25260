//! The HTML templates of the pages, and the policy that lets a page run its own script only.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest as _, Sha256};

use super::coding::escape_html;

pub(super) const PAGE: &str = include_str!("page.html");
pub(super) const INDEX: &str = include_str!("index.html");
/// The style of both pages.
pub(super) const STYLE: &str = concat!(
    include_str!("style/page.css"),
    include_str!("style/header.css"),
    include_str!("style/picture.css"),
    include_str!("style/controls.css"),
    include_str!("style/lanes.css"),
    include_str!("style/over-lanes.css"),
    include_str!("style/index.css"),
    include_str!("style/windows.css"),
);
/// The parts of the script share one scope. `main.js` is last, because it starts the page.
pub(super) const SCRIPT: &str = concat!(
    "'use strict';\n",
    include_str!("script/text.js"),
    include_str!("script/data.js"),
    include_str!("script/state.js"),
    include_str!("script/header.js"),
    include_str!("script/rows.js"),
    include_str!("script/lanes.js"),
    include_str!("script/overview.js"),
    include_str!("script/player.js"),
    include_str!("script/pointer.js"),
    include_str!("script/keys.js"),
    include_str!("script/main.js"),
);

/// Mark of a page that this program wrote, and may replace.
pub(super) const MARK: &str = r#"<meta name="generator" content="label-lake report">"#;

/// Replaces the slots of a template, each written as `{{name}}`. A value is not searched for slots.
pub(super) fn fill(template: &str, slots: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        filled.push_str(before);
        let slot = after.split_once("}}").and_then(|(name, after)| {
            let (_, value) = slots.iter().find(|(slot, _)| *slot == name)?;
            Some((value, after))
        });
        if let Some((value, after)) = slot {
            filled.push_str(value);
            rest = after;
        } else {
            filled.push_str("{{");
            rest = after;
        }
    }
    filled + rest
}

/// Returns the first elements of the head of a page. The policy allows nothing from elsewhere, and inline only the style and
/// the script with these hashes: a name in the data that looks like HTML is never executed.
pub(super) fn head(script: Option<&str>, media: &[&str]) -> String {
    let mut policy = format!("default-src 'none'; style-src {}; img-src data:", hash(STYLE));
    // Writing to a String does not fail.
    if let Some(script) = script {
        let _ = write!(policy, "; script-src {}", hash(script));
    }
    if !media.is_empty() {
        let _ = write!(policy, "; media-src {}", media.join(" "));
    }
    policy.push_str("; base-uri 'none'; form-action 'none'");
    format!(
        "<meta charset=\"utf-8\">\n<meta http-equiv=\"Content-Security-Policy\" content=\"{}\">\n{MARK}",
        escape_policy(&policy)
    )
}

/// Escapes a policy for an attribute in double quotes, in which the quotes of its keywords can stay readable.
fn escape_policy(policy: &str) -> String {
    escape_html(policy).replace("&#39;", "'")
}

/// Returns the source expression of an inline style or script.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(Sha256::digest(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_not_searched_for_slots() {
        let filled = fill("<{{a}}>{{b}}{{ {{c}} {{a", &[("a", "{{b}}"), ("b", "x")]);
        assert_eq!(filled, "<{{b}}>x{{ {{c}} {{a");
    }

    #[test]
    fn templates_have_each_slot_once() {
        let slots = |template: &str| {
            template.split("{{").skip(1).map(|rest| rest.split_once("}}").unwrap().0.to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(slots(PAGE), ["head", "title", "style", "data", "script", "boxes"]);
        assert_eq!(slots(INDEX), ["head", "style", "rows"]);
    }

    #[test]
    fn style_and_script_do_not_end_their_elements() {
        assert!(!STYLE.to_lowercase().contains("</style"));
        assert!(!SCRIPT.to_lowercase().contains("</script") && !SCRIPT.contains("<!--"));
    }

    /// The policy would block them silently.
    #[test]
    fn templates_have_no_inline_styles_and_handlers() {
        for template in [PAGE, INDEX] {
            for word in [" style=", " onclick=", " onload=", " onerror=", "javascript:", "http:", "https:"] {
                assert!(!template.contains(word), "{word}");
            }
        }
    }

    #[test]
    fn the_policy_allows_the_script_by_its_hash() {
        // Checked with `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`.
        let head = head(Some("alert(1)"), &["'self'"]);
        assert!(head.contains("script-src 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI='"), "{head}");
        assert!(head.contains("media-src 'self';") && head.contains("default-src 'none'"), "{head}");
        assert!(head.find("</").is_none() && head.len() < 700, "{head}");
    }
}
