//! Options that select the credentials and the region, for every command that reaches an AWS account.

use clap::Args;
use clap::builder::NonEmptyStringValueParser;

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
