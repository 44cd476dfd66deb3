-- A registry of 2026-11-21, before revisions were counted.
BEGIN TRANSACTION;
CREATE TABLE components (
	name TEXT NOT NULL, 
	type TEXT NOT NULL, 
	flavor TEXT NOT NULL, 
	origin TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	outputs JSON NOT NULL, 
	config JSON NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "components" VALUES('churn.artifact_store','artifact_store','s3','built','111122223333','eu-central-1','2026-03-04T05:06:07Z','{"bucket_name": "b", "bucket_arn": "arn:aws:s3:::b"}','{"path": "s3://b"}');
INSERT INTO "components" VALUES('team.container_registry','container_registry','ecr','found','111122223333','eu-central-1','2026-03-04T05:06:07Z','{"uri": "z\u00fcrich"}','{"path": "s3://b"}');
CREATE TABLE enrolments (
	id TEXT NOT NULL, 
	name TEXT NOT NULL, 
	region TEXT NOT NULL, 
	template_sha256 TEXT NOT NULL, 
	parameters TEXT NOT NULL, 
	spec TEXT NOT NULL, 
	shape TEXT NOT NULL, 
	estimate TEXT NOT NULL, 
	expected_account TEXT NOT NULL, 
	status TEXT NOT NULL, 
	opened_at TEXT NOT NULL, 
	stack_id TEXT NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "enrolments" VALUES('0123456789abcdef0123456789abcdef','churn','eu-central-1','abababababababababababababababababababababababababababababababab','{"ArtifactStoreNoncurrentDays": "30", "ArtifactStoreAbortUploadDays": "7", "ContainerRegistryUntaggedDays": "14", "ContainerRegistryEmptyOnDelete": "false", "EnrolmentId": "0123456789abcdef0123456789abcdef"}','{"version": 1, "name": "churn", "region": "eu-central-1", "components": {"artifact_store": {"flavor": "s3", "options": {"noncurrent_days": 30, "abort_upload_days": 7}}, "container_registry": {"flavor": "ecr", "options": {"untagged_days": 14, "empty_on_delete": false}}, "orchestrator": {"flavor": "local"}}, "access": {"trust": "account", "external_id": false}, "data": {"retention": "retain"}, "usage": {"profile": "light"}, "register": {"to": "local", "how": "finish"}, "tags": {}}','{"components": {"artifact_store": {"flavor": "s3", "action": "build"}, "container_registry": {"flavor": "ecr", "action": "build"}, "orchestrator": {"flavor": "local", "action": "build"}}, "trust": "account", "external_id": false, "retention": "retain"}','{"total": {"typical": 1.5}}','','registered','2026-03-04T05:06:07Z','arn:aws:cloudformation:eu-central-1:111122223333:stack/churn/1');
INSERT INTO "enrolments" VALUES('ffffffffffffffffffffffffffffffff','other','eu-central-1','abababababababababababababababababababababababababababababababab','{"ArtifactStoreNoncurrentDays": "30", "ArtifactStoreAbortUploadDays": "7", "ContainerRegistryUntaggedDays": "14", "ContainerRegistryEmptyOnDelete": "false", "EnrolmentId": "0123456789abcdef0123456789abcdef"}','{"version": 1, "name": "churn", "region": "eu-central-1", "components": {"artifact_store": {"flavor": "s3", "options": {"noncurrent_days": 30, "abort_upload_days": 7}}, "container_registry": {"flavor": "ecr", "options": {"untagged_days": 14, "empty_on_delete": false}}, "orchestrator": {"flavor": "local"}}, "access": {"trust": "account", "external_id": false}, "data": {"retention": "retain"}, "usage": {"profile": "light"}, "register": {"to": "local", "how": "finish"}, "tags": {}}','{"components": {"artifact_store": {"flavor": "s3", "action": "build"}, "container_registry": {"flavor": "ecr", "action": "build"}, "orchestrator": {"flavor": "local", "action": "build"}}, "trust": "account", "external_id": false, "retention": "retain"}','{"total": {"typical": 1.5}}','','open','2026-03-04T05:06:07Z','');
CREATE TABLE publications (
	sha256 TEXT NOT NULL, 
	region TEXT NOT NULL, 
	url TEXT NOT NULL, 
	account TEXT NOT NULL, 
	published_at TEXT NOT NULL, 
	PRIMARY KEY (sha256, region)
);
INSERT INTO "publications" VALUES('ab','eu-central-1','https://x','111122223333','2026-03-04T05:06:07Z');
CREATE TABLE settings (
	"key" TEXT NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "settings" VALUES('active','churn');
CREATE TABLE stacks (
	name TEXT NOT NULL, 
	account TEXT NOT NULL, 
	region TEXT NOT NULL, 
	status TEXT NOT NULL, 
	stack_id TEXT NOT NULL, 
	template_sha256 TEXT NOT NULL, 
	created_at TEXT NOT NULL, 
	components JSON NOT NULL, 
	connector JSON NOT NULL, 
	estimate JSON NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "stacks" VALUES('churn','111122223333','eu-central-1','registered','arn:aws:cloudformation:eu-central-1:111122223333:stack/churn/1','abababababababababababababababababababababababababababababababab','2026-03-04T05:06:07Z','{"artifact_store": "churn.artifact_store"}','{"type": "aws", "role_arn": "arn:aws:iam::111122223333:role/a"}','{"total": {"typical": 1.5}}');
INSERT INTO "stacks" VALUES('shared','111122223333','eu-central-1','registered','','','2026-03-04T05:06:07Z','{"container_registry": "team.container_registry"}','{}','{}');
COMMIT;
