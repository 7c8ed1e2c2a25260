//! Credentials and region: SSO, `aws login`, credential processes, and profiles.

use std::fs;
use std::path::PathBuf;

use rekognition_simulator::{ACCESS_KEY_ID, SECRET_ACCESS_KEY, Simulator};
use serde_json::json;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::task::JoinHandle;

use crate::CommandOutput;
use crate::account::{Account, job, run_to_end};

const STATUS: [&str; 4] = ["status", "--bucket", "lake", "job-1"];

/// An account with a job, and the home directory of a user without keys in the environment.
struct User {
    account: Account,
    home: TempDir,
}

impl User {
    async fn new(config: &str) -> Self {
        let account = Account::start(Simulator::builder().job("job-1", job(2)), &[]).await;
        account.export("job-1").await;
        let user = Self { account, home: TempDir::new().unwrap() };
        user.write(".aws/config", config);
        user
    }

    fn write(&self, path: &str, content: &str) -> PathBuf {
        let path = self.home.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn command(&self, more: &[&str]) -> Command {
        let mut command = self.account.command(&[&STATUS[..], more].concat());
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            command.env_remove(name);
        }
        // Without this setting, the SDK looks for the role of a machine, and waits for it.
        command.env("HOME", self.home.path()).env("AWS_EC2_METADATA_DISABLED", "true").env("PATH", "/usr/bin:/bin");
        command
    }

    async fn run(&self, more: &[&str]) -> CommandOutput {
        run_to_end(self.command(more)).await
    }
}

fn assert_found(output: &CommandOutput) {
    assert_eq!((output.code, &*output.stderr), (Some(0), ""));
    assert!(output.stdout.contains("COMMITTED"), "{}", output.stdout);
}

fn assert_failed(output: &CommandOutput, words: &[&str]) {
    assert_eq!((output.code, &*output.stdout), (Some(1), ""), "{}", output.stderr);
    for words in words {
        assert!(output.stderr.contains(words), "{words}: {}", output.stderr);
    }
    output.assert_one_error();
}

/// Returns the URL of a server that answers every request with this JSON, and the task that returns the first request.
async fn portal(reply: String) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await.unwrap());
        }
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", reply.len());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(reply.as_bytes()).await.unwrap();
        String::from_utf8(request).unwrap()
    });
    (url, task)
}

const SSO: &str = "\
[profile sso]
sso_session = corp
sso_account_id = 123456789012
sso_role_name = Reader
region = us-east-1

[sso-session corp]
sso_region = us-east-1
sso_start_url = https://corp.awsapps.com/start
";
/// The file that `aws sso login` writes. Its name is the SHA-1 of the session's name, `corp`.
const SSO_CACHE: &str = ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json";

fn sso_token(expires_at: &str) -> String {
    let start_url = "https://corp.awsapps.com/start";
    json!({ "accessToken": "sso-token", "expiresAt": expires_at, "region": "us-east-1", "startUrl": start_url })
        .to_string()
}

#[tokio::test]
async fn logs_in_with_sso() {
    let user = User::new(SSO).await;
    user.write(SSO_CACHE, &sso_token("2099-01-01T00:00:00Z"));
    let role = json!({ "roleCredentials": {
        "accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY, "expiration": 4_070_908_800_000_i64,
    } });
    for profile in [("--profile", "sso"), ("AWS_PROFILE", "sso")] {
        let (url, request) = portal(role.to_string()).await;
        let mut command = match profile {
            ("AWS_PROFILE", name) => {
                let mut command = user.command(&[]);
                command.env("AWS_PROFILE", name);
                command
            }
            (option, name) => user.command(&[option, name]),
        };
        command.env("AWS_ENDPOINT_URL_SSO", url);
        assert_found(&run_to_end(command).await);
        let request = request.await.unwrap();
        assert!(request.contains("role_name=Reader") && request.contains("account_id=123456789012"), "{request}");
        assert!(request.contains("x-amz-sso_bearer_token: sso-token"), "{request}");
    }
}

#[tokio::test]
async fn asks_to_log_in_again_when_the_sso_token_has_expired_or_is_missing() {
    let user = User::new(SSO).await;
    assert_failed(&user.run(&["--profile", "sso"]).await, &["profile sso", "log in again", "SSO token"]);
    user.write(SSO_CACHE, &sso_token("2020-01-01T00:00:00Z"));
    assert_failed(
        &user.run(&["--profile", "sso"]).await,
        &["profile sso", "log in again", "the SSO token has expired"],
    );
}

#[tokio::test]
async fn runs_a_credential_process_once() {
    let user = User::new("").await;
    let keys = json!({ "Version": 1, "AccessKeyId": ACCESS_KEY_ID, "SecretAccessKey": SECRET_ACCESS_KEY });
    let runs = user.home.path().join("runs");
    let script = user.write("keys.sh", &format!("echo run >> '{}'\necho '{keys}'\n", runs.display()));
    user.write(
        ".aws/config",
        &format!("[profile tool]\nregion = us-east-1\ncredential_process = sh {}\n", script.display()),
    );
    assert_found(&user.run(&["--profile", "tool"]).await);
    assert_eq!(fs::read_to_string(&runs).unwrap(), "run\n");

    user.write("keys.sh", "echo 'the vault is locked' >&2; exit 3");
    assert_failed(&user.run(&["--profile", "tool"]).await, &["profile tool", "the vault is locked"]);
}

#[tokio::test]
async fn uses_the_session_of_aws_login() {
    let session = "arn:aws:iam::123456789012:user/ann";
    let user = User::new(&format!("[profile console]\nregion = us-east-1\nlogin_session = {session}\n")).await;
    let token = json!({
        "accessToken": {
            "accessKeyId": ACCESS_KEY_ID, "secretAccessKey": SECRET_ACCESS_KEY, "sessionToken": "token",
            "accountId": "123456789012", "expiresAt": "2099-01-01T00:00:00Z",
        },
        "tokenType": "aws_sigv4", "refreshToken": "refresh", "clientId": "arn:aws:signin:::devtools/same-device",
        "dpopKey": "unused until the token is renewed",
    });
    // The name of the file is the SHA-256 of the session.
    let name = "143b1fc18f5ca9bb89e81d9a77fe53029e237039039ccab734b6fb08284f7780";
    user.write(&format!(".aws/login/cache/{name}.json"), &token.to_string());
    assert_found(&user.run(&["--profile", "console"]).await);
}

#[tokio::test]
async fn names_a_profile_that_does_not_exist() {
    let user = User::new("[profile prod]\nregion = us-east-1\n[default]\nregion = us-east-1\n").await;
    let words = ["AWS profile nosuch not found", "found default, prod", "--profile"];
    assert_failed(&user.run(&["--profile", "nosuch"]).await, &words);
    let mut command = user.command(&[]);
    command.env("AWS_PROFILE", "nosuch");
    assert_failed(&run_to_end(command).await, &words);
    assert_failed(&user.run(&["--profile", "prod"]).await, &["profile prod"]);
}

#[tokio::test]
async fn the_options_come_before_the_environment() {
    let keys = format!("aws_access_key_id = {ACCESS_KEY_ID}\naws_secret_access_key = {SECRET_ACCESS_KEY}\n");
    let user = User::new(&format!("[profile keys]\nregion = us-east-1\n{keys}")).await;
    let other_keys = |more: &[&str]| {
        let mut command = user.command(more);
        command.envs([
            ("AWS_ACCESS_KEY_ID", "AKIDOTHER"),
            ("AWS_SECRET_ACCESS_KEY", "other"),
            ("AWS_REGION", "us-east-1"),
        ]);
        command
    };
    assert_eq!(run_to_end(other_keys(&[])).await.code, Some(1), "the simulator rejects the keys of the environment");
    assert_found(&run_to_end(other_keys(&["--profile", "keys"])).await);

    let without_region = User::new(&format!("[default]\n{keys}")).await;
    assert_failed(&without_region.run(&[]).await, &["no AWS region found", "hint: pass --region", "profile default"]);
    assert_found(&without_region.run(&["--region", "us-east-1"]).await);
}
