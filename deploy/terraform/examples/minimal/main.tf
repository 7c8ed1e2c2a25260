# A lake with the default settings: a bucket, a topic to which jobs publish, and e-mails about failures.

provider "aws" {
  region = "eu-west-1"
}

module "label_lake" {
  source = "../.."

  release     = "${path.module}/release"
  code_bucket = "my-artifacts-eu-west-1"
  alarm_email = "data@example.com"
}

# The command that starts a job.
output "start_job" {
  value = module.label_lake.start_job
}
