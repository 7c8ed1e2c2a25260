# For a pipeline that already starts label detection jobs: its topic, its bucket, and a queue, because many jobs end at the
# same time. The tables of all jobs are kept, too.

provider "aws" {
  region = "eu-west-1"
}

resource "aws_sns_topic" "finished" {
  # Rekognition's managed policy allows only names with this prefix.
  name = "AmazonRekognition-finished"
}

resource "aws_s3_bucket" "lake" {
  bucket = "my-lake-eu-west-1"
}

module "label_lake" {
  source = "../.."

  name        = "labels"
  release     = "${path.module}/release"
  code_bucket = "my-artifacts-eu-west-1"
  tags        = { team = "media" }

  existing_topic_arn  = aws_sns_topic.finished.arn
  existing_bucket     = aws_s3_bucket.lake.id
  output_prefix       = "video/labels"
  aggregate_by        = "TIMESTAMPS,SEGMENTS"
  use_queue           = true
  maximum_concurrency = 12
  all_jobs            = "Daily"
}

# EventBridge tells the stack of new objects in an existing bucket only if the bucket sends its events there.
resource "aws_s3_bucket_notification" "lake" {
  bucket      = aws_s3_bucket.lake.id
  eventbridge = true
}

# Attach it to the roles that query the lake.
output "reader_policy_arn" {
  value = module.label_lake.reader_policy_arn
}
