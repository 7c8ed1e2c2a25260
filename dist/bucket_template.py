"""Prints the template of a release that takes the function from a bucket: template.yaml after the SAM transform.

CloudFormation deploys this template by itself: in the console, with a link, or from Terraform. As there is no transform
left, the template is what CloudFormation creates, and CAPABILITY_IAM is the only capability that it needs.

dist/build runs this script, with the Python packages of tests/deploy.
"""

import json
from typing import Any

from bucket_keys import FOLDER, zip_key
from construct_template import FUNCTIONS, without_sam
from release_template import TEMPLATE

PARAMETERS: dict[str, dict[str, str]] = {
    "CodeBucket": {
        "Type": "String",
        "AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
        "Description": "Bucket with the zip of the function. It must be in the region of the stack.",
    },
    "CodeKey": {
        "Type": "String",
        "Default": "",
        "AllowedPattern": "^(.+[.]zip)?$",
        "Description": f"Key of the zip. If empty, it is {FOLDER}/label-lake-ARCHITECTURE.zip.",
    },
}


def bucket_template(text: str) -> dict[str, Any]:
    """Returns the template for the text of template.yaml."""
    template = without_sam(text)
    template["Parameters"] = PARAMETERS | template["Parameters"]
    template["Parameters"]["Architecture"]["Description"] = "Processor of the function."
    interface = template["Metadata"]["AWS::CloudFormation::Interface"]
    interface["ParameterGroups"].append({"Label": {"default": "The program"}, "Parameters": list(PARAMETERS)})
    interface["ParameterLabels"] |= {"CodeBucket": {"default": "Bucket"}, "CodeKey": {"default": "Key"}}
    template["Conditions"]["HasCodeKey"] = {"Fn::Not": [{"Fn::Equals": [{"Ref": "CodeKey"}, ""]}]}
    for function in FUNCTIONS:
        template["Resources"][function]["Properties"]["Code"] = {
            "S3Bucket": {"Ref": "CodeBucket"},
            "S3Key": {"Fn::If": ["HasCodeKey", {"Ref": "CodeKey"}, {"Fn::Sub": zip_key("${Architecture}")}]},
        }
    return template


def dumped(template: dict[str, Any]) -> str:
    return json.dumps(template, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(dumped(bucket_template(TEMPLATE.read_text())), end="")
