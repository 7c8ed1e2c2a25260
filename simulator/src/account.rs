//! The AWS account that the simulator plays.

/// The account that owns everything, what `x-amz-expected-bucket-owner` must say.
pub const ACCOUNT: &str = "123456789012";

/// The region of everything.
pub const REGION: &str = "us-east-1";

/// The ARN of the function, unless an [`Invocation`] says otherwise.
pub const FUNCTION_ARN: &str = "arn:aws:lambda:us-east-1:123456789012:function:label-lake";

/// The one key pair that S3 accepts; the other services do not look.
pub const ACCESS_KEY_ID: &str = "AKIDSIMULATOR";

/// The secret to [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "simulator-secret";
