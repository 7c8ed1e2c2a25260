# Generated from template.yaml by deploy/update-terraform.

variable "existing_bucket" {
  description = "Name of an existing bucket in this account and region for the lake. If empty, a bucket is created, and is kept when the stack is deleted; to deploy again with that bucket, enter its name here."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", var.existing_bucket))
    error_message = "Must match ^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$."
  }
}

variable "output_prefix" {
  description = "Prefix of the lake in the bucket, without a slash at either end. If empty, the lake is at the root."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([^/\"'\\\\*?$${}\\s]+(/[^/\"'\\\\*?$${}\\s]+)*)?$", var.output_prefix))
    error_message = "Must match ^([^/\"'\\\\*?$${}\\s]+(/[^/\"'\\\\*?$${}\\s]+)*)?$."
  }
}

variable "bucket_key_arn" {
  description = "ARN of the KMS key that encrypts the bucket. Its key policy has to allow this account's roles to use it. If empty, S3-managed keys encrypt the bucket."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+)?$", var.bucket_key_arn))
    error_message = "Must match ^(arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+)?$."
  }
}

variable "database_name" {
  description = "Name of the Glue database to create. It must be unique in this account and region."
  type        = string
  default     = "label_lake"
  nullable    = false

  validation {
    condition     = can(regex("^[a-z0-9_]{1,255}$", var.database_name))
    error_message = "Must match ^[a-z0-9_]{1,255}$."
  }
}

variable "aggregate_by" {
  description = "Results to fetch for each job. TIMESTAMPS fills label_detections, SEGMENTS fills label_segments."
  type        = string
  default     = "TIMESTAMPS"
  nullable    = false

  validation {
    condition     = contains(["TIMESTAMPS", "SEGMENTS", "TIMESTAMPS,SEGMENTS"], var.aggregate_by)
    error_message = "Must be one of: TIMESTAMPS, SEGMENTS, TIMESTAMPS,SEGMENTS."
  }
}

variable "existing_topic_arn" {
  description = "ARN of the standard topic to which your Rekognition jobs already publish. If empty, a topic is created."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+)?$", var.existing_topic_arn))
    error_message = "Must match ^(arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+)?$."
  }
}

variable "use_queue" {
  description = "true puts an SQS queue between topic and function, for accounts in which more jobs end at the same time than can be fetched at the same time. The remaining jobs wait in the queue, where you can see them."
  type        = bool
  default     = false
  nullable    = false
}

variable "maximum_concurrency" {
  description = "Maximum number of concurrent exports from the queue. 12 suits a quota of 20 GetLabelDetection calls per second (us-east-1, us-west-2, eu-west-1); use 3 where the quota is 5. docs/OPERATIONS.md has the formula."
  type        = number
  default     = 12
  nullable    = false

  validation {
    condition     = var.maximum_concurrency >= 2
    error_message = "Must be at least 2."
  }

  validation {
    condition     = var.maximum_concurrency <= 1000
    error_message = "Must be at most 1000."
  }
}

variable "video_bucket" {
  description = "Name of an existing bucket in this account and region. A label detection job is then started for each new video in it, which Rekognition bills; docs/OPERATIONS.md has the costs. The bucket has to send events to EventBridge: the output SendVideoEvents is the command. If empty, you start the jobs yourself."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$", var.video_bucket))
    error_message = "Must match ^([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?$."
  }
}

variable "video_suffixes" {
  description = "Ends of the keys of videos, in lower or upper case. Other objects in the bucket are ignored."
  type        = list(string)
  default     = [".mp4", ".mov"]
  nullable    = false

  validation {
    condition     = alltrue([for item in var.video_suffixes : can(regex("^[A-Za-z0-9._-]+$", item))])
    error_message = "Must match ^[A-Za-z0-9._-]+$."
  }
}

variable "video_bucket_key_arn" {
  description = "ARN of the KMS key that encrypts the videos. Its key policy has to allow this account's roles to use it. If empty, the videos are not encrypted with a KMS key of yours."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+)?$", var.video_bucket_key_arn))
    error_message = "Must match ^(arn:[^:]+:kms:[^:]+:[0-9]{12}:key/.+)?$."
  }
}

variable "min_confidence" {
  description = "Lowest confidence of a label to return, from 0 to 100. If empty, Rekognition's default of 50 applies."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(100|[0-9]{1,2}(\\.[0-9]{1,6})?)?$", var.min_confidence))
    error_message = "Must match ^(100|[0-9]{1,2}(\\.[0-9]{1,6})?)?$."
  }
}

variable "include_labels" {
  description = "Labels to detect, 100 at most. They are case-sensitive. If empty, all labels are detected."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "exclude_labels" {
  description = "Labels to leave out, 100 at most. They are case-sensitive."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "job_tag" {
  description = "Tag of the jobs, in their completion messages. If empty, the jobs have no tag."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^[a-zA-Z0-9_.:+=/-]*$", var.job_tag))
    error_message = "Must match ^[a-zA-Z0-9_.:+=/-]*$."
  }

  validation {
    condition     = length(var.job_tag) <= 1024
    error_message = "At most 1024 characters."
  }
}

variable "alarm_email" {
  description = "E-mail address to notify when something fails. AWS sends it a confirmation request. If this and the topic are empty, nobody is notified."
  type        = string
  default     = ""
  nullable    = false
}

variable "alarm_topic_arn" {
  description = "ARN of an SNS topic to notify when something fails, instead of an e-mail address."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+)?$", var.alarm_topic_arn))
    error_message = "Must match ^(arn:[^:]+:sns:[^:]+:[0-9]{12}:[^:]+)?$."
  }
}

variable "architecture" {
  description = "Processor of the function."
  type        = string
  default     = "arm64"
  nullable    = false

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "Must be one of: arm64, x86_64."
  }
}

variable "memory_size" {
  description = "Memory of the function in MB; CPU power grows with it. The function needs memory for the largest label of a job, regardless of the length of the video."
  type        = number
  default     = 256
  nullable    = false

  validation {
    condition     = var.memory_size >= 128
    error_message = "Must be at least 128."
  }

  validation {
    condition     = var.memory_size <= 10240
    error_message = "Must be at most 10240."
  }
}

variable "reserved_concurrency" {
  description = "Maximum number of concurrent exports, which share the account's quota of GetLabelDetection. -1 reserves nothing. 0 stops the function, and events go to the dead-letter queue; with a queue, disable the event source mapping instead, and otherwise use at least maximum_concurrency."
  type        = number
  default     = -1
  nullable    = false

  validation {
    condition     = var.reserved_concurrency >= -1
    error_message = "Must be at least -1."
  }
}

variable "log_level" {
  description = "Lowest level of the function's log lines. Metrics are written at every level."
  type        = string
  default     = "INFO"
  nullable    = false

  validation {
    condition     = contains(["TRACE", "DEBUG", "INFO", "WARN", "ERROR"], var.log_level)
    error_message = "Must be one of: TRACE, DEBUG, INFO, WARN, ERROR."
  }
}

variable "log_retention_days" {
  description = "Number of days to keep log lines."
  type        = number
  default     = 30
  nullable    = false

  validation {
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "Must be one of: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653."
  }
}

variable "tracing" {
  description = "Active traces a sample of the invocations with X-Ray."
  type        = string
  default     = "PassThrough"
  nullable    = false

  validation {
    condition     = contains(["Active", "PassThrough"], var.tracing)
    error_message = "Must be one of: Active, PassThrough."
  }
}

variable "scan_limit_bytes" {
  description = "Athena stops a query in the workgroup that scans more bytes. 100 GB cost about half a dollar."
  type        = number
  default     = 100000000000
  nullable    = false

  validation {
    condition     = var.scan_limit_bytes >= 10000000
    error_message = "Must be at least 10000000."
  }
}

variable "partition_index" {
  description = "Set to true after you have created a partition index as described in docs/QUERYING.md: Athena then uses the index. Worthwhile from about ten thousand partitions, which are a hundred jobs."
  type        = bool
  default     = false
  nullable    = false
}

variable "all_jobs" {
  description = "Daily or Hourly keeps the tables all_detections, all_segments and all_jobs, which answer questions over thousands of jobs in seconds, and are as old as the last run. docs/OPERATIONS.md says what this costs."
  type        = string
  default     = "No"
  nullable    = false

  validation {
    condition     = contains(["No", "Daily", "Hourly"], var.all_jobs)
    error_message = "Must be one of: No, Daily, Hourly."
  }
}

variable "permissions_boundary" {
  description = "ARN of the permissions boundary for the roles of this stack."
  type        = string
  default     = ""
  nullable    = false

  validation {
    condition     = can(regex("^(arn:[^:]+:iam::.+)?$", var.permissions_boundary))
    error_message = "Must match ^(arn:[^:]+:iam::.+)?$."
  }
}

variable "role_path" {
  description = "IAM path of the roles of this stack."
  type        = string
  default     = "/"
  nullable    = false

  validation {
    condition     = can(regex("^/([!-~]+/)?$", var.role_path))
    error_message = "Must match ^/([!-~]+/)?$."
  }
}

variable "subnet_ids" {
  description = "Subnets, if the functions have to run in a VPC. They need a route to Rekognition, S3, Glue, and Lambda, and with video_bucket also to SQS: endpoints or a NAT gateway. If empty, the functions do not run in a VPC."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "security_group_ids" {
  description = "Security groups of the function in the VPC. They have to allow outbound HTTPS."
  type        = list(string)
  default     = []
  nullable    = false
}

variable "lake_formation" {
  description = "Set to true if Lake Formation governs the catalog: the function's role is then granted access to the tables there too. You have to deploy as a data lake administrator."
  type        = bool
  default     = false
  nullable    = false
}

locals {
  parameters = {
    ExistingBucket      = var.existing_bucket
    OutputPrefix        = var.output_prefix
    BucketKeyArn        = var.bucket_key_arn
    DatabaseName        = var.database_name
    AggregateBy         = var.aggregate_by
    ExistingTopicArn    = var.existing_topic_arn
    UseQueue            = var.use_queue ? "Yes" : "No"
    MaximumConcurrency  = tostring(var.maximum_concurrency)
    VideoBucket         = var.video_bucket
    VideoSuffixes       = join(",", var.video_suffixes)
    VideoBucketKeyArn   = var.video_bucket_key_arn
    MinConfidence       = var.min_confidence
    IncludeLabels       = join(",", var.include_labels)
    ExcludeLabels       = join(",", var.exclude_labels)
    JobTag              = var.job_tag
    AlarmEmail          = var.alarm_email
    AlarmTopicArn       = var.alarm_topic_arn
    Architecture        = var.architecture
    MemorySize          = tostring(var.memory_size)
    ReservedConcurrency = tostring(var.reserved_concurrency)
    LogLevel            = var.log_level
    LogRetentionDays    = tostring(var.log_retention_days)
    Tracing             = var.tracing
    ScanLimitBytes      = tostring(var.scan_limit_bytes)
    PartitionIndex      = var.partition_index ? "Yes" : "No"
    AllJobs             = var.all_jobs
    PermissionsBoundary = var.permissions_boundary
    RolePath            = var.role_path
    SubnetIds           = join(",", var.subnet_ids)
    SecurityGroupIds    = join(",", var.security_group_ids)
    LakeFormation       = var.lake_formation ? "Yes" : "No"
  }
}
