# The variables of the module itself. Those of the stack are in parameters.tf.

variable "name" {
  description = "Name of the CloudFormation stack. The names of its resources begin with it."
  type        = string
  default     = "label-lake"
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z][a-zA-Z0-9-]{0,127}$", var.name))
    error_message = "Must begin with a letter, and contain only letters, digits, and hyphens."
  }
}

variable "release" {
  description = "Directory with the files of a release: template-from-bucket.json, label-lake-arm64.zip, and label-lake-x86_64.zip."
  type        = string
  nullable    = false
}

variable "code_bucket" {
  description = "Existing bucket for the zip of the function and the template, in the region of the stack. The data does not go there: see existing_bucket."
  type        = string
  nullable    = false
}

variable "tags" {
  description = "Tags of the stack and of all its resources that can have tags."
  type        = map(string)
  default     = {}
  nullable    = false
}
