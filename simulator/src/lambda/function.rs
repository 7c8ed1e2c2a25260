//! The function that runs against the simulator.

use crate::account::{ACCOUNT, REGION};

/// Settings of the function.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pub(crate) name: String,
    /// Memory, in MB.
    pub(crate) memory_mb: u32,
}

impl Default for Function {
    fn default() -> Self {
        Self { name: "label-lake".to_owned(), memory_mb: 512 }
    }
}

impl Function {
    /// Returns the ARN, without a version or an alias.
    pub(crate) fn arn(&self) -> String {
        format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{}", self.name)
    }

    /// Returns the variables that Lambda sets in the environment of a function.
    pub(crate) fn environment(&self) -> [(&'static str, String); 5] {
        [
            ("AWS_LAMBDA_FUNCTION_NAME", self.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", self.memory_mb.to_string()),
            ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", self.name)),
            ("AWS_LAMBDA_LOG_STREAM_NAME", "simulator".to_owned()),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::Function;

    #[test]
    fn arn_names_the_function() {
        assert_eq!(Function::default().arn(), "arn:aws:lambda:us-east-1:123456789012:function:label-lake");
        let other = Function { name: "other".to_owned(), ..Function::default() };
        assert_eq!(other.arn(), "arn:aws:lambda:us-east-1:123456789012:function:other");
    }
}
