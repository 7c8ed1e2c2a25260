//! The AWS account that the simulator plays.

/// ID of the account that owns everything. `x-amz-expected-bucket-owner` must match it.
pub const ACCOUNT: &str = "123456789012";

/// Region of every service.
pub const REGION: &str = "us-east-1";

/// The only access key that S3 accepts. The other services do not check signatures.
pub const ACCESS_KEY_ID: &str = "AKIDSIMULATOR";

/// Secret key of [`ACCESS_KEY_ID`].
pub const SECRET_ACCESS_KEY: &str = "simulator-secret";
