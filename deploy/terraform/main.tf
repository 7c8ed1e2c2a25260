terraform {
  required_version = ">= 1.3"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

data "aws_s3_bucket" "code" {
  bucket = var.code_bucket
}

locals {
  zip      = "${var.release}/label-lake-${var.architecture}.zip"
  template = "${var.release}/template-from-bucket.json"

  # The module says where the zip is. The user says the rest.
  expected_parameters = toset(concat(["CodeBucket", "CodeKey"], keys(local.parameters)))
  template_parameters = toset(keys(jsondecode(file(local.template)).Parameters))
}

# The hash in a key makes another file another object. The old one is deleted after the stack uses the new one, so that
# CloudFormation can roll back.
resource "aws_s3_object" "zip" {
  bucket = var.code_bucket
  key    = "label-lake/terraform/${var.name}/${filesha256(local.zip)}/label-lake-${var.architecture}.zip"
  source = local.zip
  tags   = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

# The template is larger than a request to CloudFormation may be.
resource "aws_s3_object" "template" {
  bucket = var.code_bucket
  key    = "label-lake/terraform/${var.name}/${filesha256(local.template)}/template.json"
  source = local.template
  tags   = var.tags

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_cloudformation_stack" "this" {
  name         = var.name
  template_url = "https://${data.aws_s3_bucket.code.bucket_regional_domain_name}/${aws_s3_object.template.key}"
  capabilities = ["CAPABILITY_IAM"]
  tags         = var.tags

  parameters = merge(local.parameters, {
    CodeBucket = aws_s3_object.zip.bucket
    CodeKey    = aws_s3_object.zip.key
  })

  lifecycle {
    precondition {
      condition     = local.template_parameters == local.expected_parameters
      error_message = "The release in ${var.release} is of another version than the module: its template has other parameters. Use both of the same version."
    }
  }
}
