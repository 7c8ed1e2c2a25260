//! Options that select the credentials and the region, for every command that reaches an AWS account.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

use crate::output::text::quoted;

/// The profile and the region of an AWS account. Without them, both come from the environment, as for every AWS tool.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct AwsArguments {
    /// Profile with the credentials in the AWS configuration files, instead of `AWS_PROFILE`.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(), help_heading = "AWS account")]
    pub(crate) profile: Option<String>,

    /// AWS region, instead of `AWS_REGION` or the region of the profile.
    #[arg(long, value_name = "REGION", value_parser = NonEmptyStringValueParser::new(), help_heading = "AWS account")]
    pub(crate) region: Option<String>,
}

impl AwsArguments {
    /// Returns the options that were given, for a command that this command prints. Each has a space before it.
    pub(crate) fn as_words(&self) -> String {
        let options = [("--region", &self.region), ("--profile", &self.profile)];
        let given =
            options.into_iter().filter_map(|(name, value)| Some(format!(" {name} {}", quoted(value.as_ref()?))));
        given.collect::<Vec<_>>().concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeats_the_options_that_were_given() {
        let text = |text: &str| Some(text.to_owned());
        let both = AwsArguments { profile: text("my profile"), region: text("eu-west-1") };
        assert_eq!(both.as_words(), " --region eu-west-1 --profile 'my profile'");
        assert_eq!(AwsArguments::default().as_words(), "");
    }
}
