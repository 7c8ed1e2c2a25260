//! A deployed stack: a simulated account, and a scripted CloudFormation that describes the stack.

use std::collections::BTreeMap;

use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::CommandOutput;
use crate::account::{Account, DATABASE, run_to_end};

/// An account with a deployed stack, and the scripted CloudFormation that describes it.
pub(crate) struct Deployment {
    pub(crate) account: Account,
    url: String,
    server: JoinHandle<()>,
}

impl Drop for Deployment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Deployment {
    /// Describes an account as a stack. The stack has the parameters and outputs of every stack, and these.
    pub(crate) async fn of(account: Account, parameters: &[(&str, &str)], outputs: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let description = Description::new(parameters, outputs);
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, description.clone()));
            }
        });
        Self { account, url, server }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with(arguments, &[]).await
    }

    /// Starts the command.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().unwrap()
    }

    /// Returns the command, with the scripted CloudFormation in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.account.command(arguments);
        command.env("AWS_ENDPOINT_URL_CLOUDFORMATION", &self.url);
        command
    }

    /// Runs the command. The scripted server answers for these services, too.
    pub(crate) async fn run_with(&self, arguments: &[&str], services: &[&str]) -> CommandOutput {
        let mut command = self.command(arguments);
        for service in services {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), &self.url);
        }
        run_to_end(command).await
    }
}

/// The stack as CloudFormation describes it, apart from its name.
#[derive(Clone)]
struct Description {
    parameters: String,
    outputs: String,
}

impl Description {
    fn new(parameters: &[(&str, &str)], outputs: &[(&str, &str)]) -> Self {
        let parameter = |(key, value): &(&str, &str)| {
            format!("<member><ParameterKey>{key}</ParameterKey><ParameterValue>{value}</ParameterValue></member>")
        };
        let output = |(key, value): &(&str, &str)| {
            format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
        };
        let all_parameters = [("OutputPrefix", ""), ("AggregateBy", "TIMESTAMPS")];
        let all_outputs = [
            ("BucketName", "lake"),
            ("DatabaseName", DATABASE),
            ("FunctionName", "label-lake"),
            ("TopicArn", "arn:aws:sns:us-east-1:123456789012:jobs"),
            ("WorkGroupName", "label-lake"),
        ];
        Self {
            parameters: all_parameters.iter().chain(parameters).map(parameter).collect(),
            outputs: all_outputs.iter().chain(outputs).map(output).collect(),
        }
    }
}

/// Answers one request: CloudFormation describes the stack, everything else is denied.
async fn answer(stream: TcpStream, description: Description) {
    let mut stream = BufReader::new(stream);
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
            return;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let form = String::from_utf8_lossy(&body).into_owned();
    let fields: BTreeMap<_, _> = form.split('&').filter_map(|field| field.split_once('=')).collect();
    let action = fields.get("Action").copied().unwrap_or_default();
    let (status, reply) = match (action, fields.get("StackName").copied()) {
        ("DescribeStacks", Some("label-lake" | "elsewhere")) => (200, stack(fields["StackName"], &description)),
        ("DescribeStacks", _) => (400, error("ValidationError", "Stack with id x does not exist")),
        ("ListStackResources", _) => (200, resources()),
        // Lambda and SQS speak JSON.
        ("", _) => (403, r#"{"__type": "AccessDeniedException", "message": "not authorized"}"#.to_owned()),
        _ => (403, error("AccessDenied", "not authorized")),
    };
    let denied = if status == 403 { "x-amzn-errortype: AccessDeniedException\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} X\r\n{denied}connection: close\r\ncontent-length: {}\r\n\r\n", reply.len());
    stream.write_all((head + &reply).as_bytes()).await.unwrap();
}

fn error(code: &str, message: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
}

/// Returns the description of a stack. The one named `elsewhere` has no outputs.
fn stack(name: &str, description: &Description) -> String {
    let Description { parameters, outputs } = description;
    let outputs = if name == "elsewhere" { "" } else { outputs };
    format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member>\
         <StackId>arn:aws:cloudformation:us-east-1:123456789012:stack/{name}/1</StackId>\
         <StackName>{name}</StackName><StackStatus>CREATE_COMPLETE</StackStatus>\
         <Parameters>{parameters}</Parameters>\
         <Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )
}

fn resources() -> String {
    let resource = |(id, kind): (&str, &str)| {
        format!(
            "<member><LogicalResourceId>{id}</LogicalResourceId><PhysicalResourceId>{id}</PhysicalResourceId>\
             <ResourceType>{kind}</ResourceType></member>"
        )
    };
    let resources = [
        ("FunctionRole", "AWS::IAM::Role"),
        ("RekognitionRole", "AWS::IAM::Role"),
        ("FailuresWaiting", "AWS::CloudWatch::Alarm"),
    ];
    format!(
        "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>{}</StackResourceSummaries>\
         </ListStackResourcesResult></ListStackResourcesResponse>",
        resources.map(resource).concat()
    )
}
