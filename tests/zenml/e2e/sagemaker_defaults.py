"""A SageMaker SDK user, who names neither role nor bucket."""

import json

import boto3
from sagemaker import Session
from sagemaker.processing import Processor
from sagemaker.workflow.pipeline import Pipeline

session = Session(boto_session=boto3.Session(region_name="eu-central-1"))
processor = Processor(
    image_uri="image", instance_count=1, instance_type="ml.t3.medium", sagemaker_session=session
)
pipeline = Pipeline(name="churn", steps=[], sagemaker_session=session)
pipeline.create()
told = {"bucket": session.default_bucket(), "prefix": session.default_bucket_prefix, "role": processor.role}
print(json.dumps(told | {"pipeline": pipeline.describe()["RoleArn"]}))
