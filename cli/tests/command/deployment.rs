//! A deployed stack: a simulated account, and a scripted CloudFormation that describes the stack.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::CommandOutput;
use crate::account::{Account, DATABASE, run_to_end};

type Variables = Arc<Mutex<BTreeMap<String, String>>>;
type Log = Arc<Mutex<Vec<(u64, String)>>>;

/// An account with a deployed stack, and the scripted CloudFormation that describes it.
pub(crate) struct Deployment {
    pub(crate) account: Account,
    /// Lines of the starter's log, oldest first: milliseconds and message. CloudWatch Logs returns one a page. Without lines,
    /// reading the log is denied.
    pub(crate) log: Log,
    /// Environment of the starter. Without variables, reading the configuration of a function is denied.
    pub(crate) starter: Variables,
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
        let (log, starter) = (Arc::clone(&description.log), Arc::clone(&description.starter));
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(answer(stream, description.clone()));
            }
        });
        Self { account, log, starter, url, server }
    }

    pub(crate) async fn run(&self, arguments: &[&str]) -> CommandOutput {
        self.run_with(arguments, &[]).await
    }

    /// Starts the command.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Child {
        self.spawn_with(arguments, &[])
    }

    /// Starts the command. The scripted server answers for these services, too.
    pub(crate) fn spawn_with(&self, arguments: &[&str], services: &[&str]) -> Child {
        self.command_with(arguments, services).spawn().unwrap()
    }

    /// Returns the command, with the scripted CloudFormation in its environment.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.account.command(arguments);
        command.env("AWS_ENDPOINT_URL_CLOUDFORMATION", &self.url);
        command
    }

    fn command_with(&self, arguments: &[&str], services: &[&str]) -> Command {
        let mut command = self.command(arguments);
        for service in services {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), &self.url);
        }
        command
    }

    /// Runs the command. The scripted server answers for these services, too.
    pub(crate) async fn run_with(&self, arguments: &[&str], services: &[&str]) -> CommandOutput {
        run_to_end(self.command_with(arguments, services)).await
    }
}

/// The stack as CloudFormation describes it, apart from its name.
#[derive(Clone)]
struct Description {
    parameters: String,
    outputs: String,
    log: Log,
    starter: Variables,
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
            log: Log::default(),
            starter: Variables::default(),
        }
    }
}

/// Answers one request: CloudFormation describes the stack, everything else is denied.
async fn answer(stream: TcpStream, description: Description) {
    let mut stream = BufReader::new(stream);
    let (mut length, mut target, mut start) = (0, String::new(), String::new());
    stream.read_line(&mut start).await.unwrap();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or_default() == 0 {
            return;
        }
        let line = line.trim().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if let Some(value) = line.strip_prefix("x-amz-target:") {
            value.trim().clone_into(&mut target);
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
        ("", _) if target == "logs_20140328.filterlogevents" => log_page(&description.log.lock().unwrap(), &form),
        ("", _) if target.starts_with("amazonathena.") => (200, athena(&target, &form)),
        ("", _) if start.contains("/functions/label-lake-starter/configuration") => configuration(&description),
        // Lambda and SQS speak JSON.
        ("", _) => denied(),
        _ => (403, error("AccessDenied", "not authorized")),
    };
    let denied = if status == 403 { "x-amzn-errortype: AccessDeniedException\r\n" } else { "" };
    let head = format!("HTTP/1.1 {status} X\r\n{denied}connection: close\r\ncontent-length: {}\r\n\r\n", reply.len());
    stream.write_all((head + &reply).as_bytes()).await.unwrap();
}

/// Returns the configuration of the starter.
fn configuration(description: &Description) -> (u16, String) {
    let variables = description.starter.lock().unwrap().clone();
    if variables.is_empty() {
        denied()
    } else {
        (200, json!({ "Environment": { "Variables": variables } }).to_string())
    }
}

/// Returns the reply of a service that speaks JSON.
fn denied() -> (u16, String) {
    (403, r#"{"__type": "AccessDeniedException", "message": "not authorized"}"#.to_owned())
}

/// Returns a page of the log with one line, or with none after the last.
fn log_page(log: &[(u64, String)], request: &str) -> (u16, String) {
    if log.is_empty() {
        return denied();
    }
    let request: Value = serde_json::from_str(request).unwrap();
    assert_eq!(request["logGroupName"], "StarterLogGroup");
    let line = request["nextToken"].as_str().map_or(0, |token| token.parse().unwrap());
    let Some((timestamp, message)) = log.get(line) else { return (200, r#"{"events": []}"#.to_owned()) };
    let events = json!([{ "timestamp": timestamp, "message": message, "eventId": "1" }]);
    (200, json!({ "events": events, "nextToken": (line + 1).to_string() }).to_string())
}

/// Answers a call to Athena. The sample of `label-lake demo` has two labels.
fn athena(target: &str, request: &str) -> String {
    let request: Value = serde_json::from_str(request).unwrap();
    let datum = |text: &str| json!({ "VarCharValue": text });
    let reply = match target {
        "amazonathena.startqueryexecution" => {
            assert_eq!(request["ExecutionParameters"], json!(["'label-lake-sample'"]));
            assert_eq!(request["WorkGroup"], "label-lake");
            assert_eq!(request["QueryExecutionContext"]["Database"], DATABASE);
            assert!(request["QueryString"].as_str().unwrap().contains("FROM label_detections d"));
            json!({ "QueryExecutionId": "query-1" })
        }
        "amazonathena.getqueryexecution" => json!({ "QueryExecution": { "Status": { "State": "SUCCEEDED" } } }),
        "amazonathena.getqueryresults" => json!({ "ResultSet": { "Rows": [
            { "Data": [datum("label_name"), datum("detections")] },
            { "Data": [datum("Person"), datum("1639")] },
            { "Data": [{}, datum("820")] },
        ] } }),
        _ => panic!("{target}"),
    };
    reply.to_string()
}

fn error(code: &str, message: &str) -> String {
    format!("<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>")
}

/// Returns the description of a stack. The one named `elsewhere` has no outputs.
fn stack(name: &str, description: &Description) -> String {
    let Description { parameters, outputs, .. } = description;
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
        ("StarterLogGroup", "AWS::Logs::LogGroup"),
        ("AllJobsMachine", "AWS::StepFunctions::StateMachine"),
        ("AllJobsSchedule", "AWS::Scheduler::Schedule"),
    ];
    format!(
        "<ListStackResourcesResponse><ListStackResourcesResult><StackResourceSummaries>{}</StackResourceSummaries>\
         </ListStackResourcesResult></ListStackResourcesResponse>",
        resources.map(resource).concat()
    )
}
