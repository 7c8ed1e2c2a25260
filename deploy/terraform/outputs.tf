# Generated from template.yaml by deploy/update-terraform.

output "start_job" {
  description = "Starts a label detection job. Set VIDEO_BUCKET and VIDEO_KEY first."
  value       = aws_cloudformation_stack.this.outputs["StartJob"]
}

output "query_jobs" {
  description = "Lists the finished jobs, newest first. The workgroup has more saved queries in the Athena console."
  value       = aws_cloudformation_stack.this.outputs["QueryJobs"]
}

output "replay_failures" {
  description = "Redelivers failed events. A job that is already exported costs one request."
  value       = aws_cloudformation_stack.this.outputs["ReplayFailures"]
}

output "show_log" {
  description = "Shows the function's log."
  value       = aws_cloudformation_stack.this.outputs["ShowLog"]
}

output "send_job" {
  description = "Exports a job whose message was never delivered. Set JOB_ID first."
  value       = aws_cloudformation_stack.this.outputs["SendJob"]
}

output "dashboard_url" {
  description = "Dashboard of the stack."
  value       = aws_cloudformation_stack.this.outputs["DashboardUrl"]
}

output "function_name" {
  description = "Name of the function."
  value       = aws_cloudformation_stack.this.outputs["FunctionName"]
}

output "topic_arn" {
  description = "Topic to which jobs publish; SNSTopicArn of NotificationChannel."
  value       = aws_cloudformation_stack.this.outputs["TopicArn"]
}

output "rekognition_role_arn" {
  description = "Role with which Rekognition publishes; RoleArn of NotificationChannel."
  value       = aws_cloudformation_stack.this.outputs["RekognitionRoleArn"]
}

output "failed_queue_url" {
  description = "Dead-letter queue with the failed events."
  value       = aws_cloudformation_stack.this.outputs["FailedQueueUrl"]
}

output "ready_topic_arn" {
  description = "Topic with a message for each finished job. The column status of jobs says whether the job failed."
  value       = aws_cloudformation_stack.this.outputs["ReadyTopicArn"]
}

output "bucket_name" {
  description = "Bucket of the lake. It is kept when the stack is deleted; to use it again, set existing_bucket."
  value       = aws_cloudformation_stack.this.outputs["BucketName"]
}

output "database_name" {
  description = "Name of the Glue database."
  value       = aws_cloudformation_stack.this.outputs["DatabaseName"]
}

output "work_group_name" {
  description = "Name of the Athena workgroup."
  value       = aws_cloudformation_stack.this.outputs["WorkGroupName"]
}

output "reader_policy_arn" {
  description = "IAM policy for people and programs that query the lake. Attach it to their roles."
  value       = aws_cloudformation_stack.this.outputs["ReaderPolicyArn"]
}

output "keep_all_jobs" {
  description = "Takes pending jobs into the tables of all jobs now. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "KeepAllJobs", null)
}

output "all_jobs_machine_arn" {
  description = "State machine that keeps the tables of all jobs. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "AllJobsMachineArn", null)
}

output "send_video_events" {
  description = "Makes the bucket of the videos send events to EventBridge, and keeps its other notifications. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "SendVideoEvents", null)
}

output "stop_starting" {
  description = "Stops starting jobs at once. Videos wait in their queue. label-lake status prints the opposite command. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "StopStarting", null)
}

output "show_starter_log" {
  description = "Shows the log of the starter. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "ShowStarterLog", null)
}

output "video_bucket_name" {
  description = "Bucket whose new videos are started. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "VideoBucketName", null)
}

output "video_queue_url" {
  description = "Queue of videos to be started. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "VideoQueueUrl", null)
}

output "starter_name" {
  description = "Name of the function that starts jobs. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "StarterName", null)
}

output "starter_role_arn" {
  description = "Role that reads the videos. The policies of their bucket and key have to allow it. Null if the stack does not have it."
  value       = lookup(aws_cloudformation_stack.this.outputs, "StarterRoleArn", null)
}
