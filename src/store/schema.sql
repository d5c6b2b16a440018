-- Made by `npm run schema` from the migrations and routines. Do not edit.

CREATE ROLE holdfast_append NOLOGIN;

CREATE ROLE holdfast_runtime NOLOGIN;

CREATE ROLE holdfast_writer NOLOGIN;

GRANT holdfast_runtime TO holdfast_writer;

CREATE SCHEMA holdfast;
GRANT USAGE ON SCHEMA holdfast TO holdfast_append;
GRANT USAGE ON SCHEMA holdfast TO holdfast_runtime;
GRANT USAGE ON SCHEMA holdfast TO holdfast_writer;

CREATE TABLE holdfast.action_selectors (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  revision bigint NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  type text NOT NULL,
  action_scores jsonb NOT NULL,
  action_counts jsonb NOT NULL,
  action_history json,
  action_history_bytes bytea,
  action_history_content_type text,
  context_weights jsonb NOT NULL,
  goal_patterns json,
  goal_patterns_bytes bytea,
  goal_patterns_content_type text,
  learning_rate double precision,
  epsilon double precision,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text
) WITH (fillfactor=80);
ALTER TABLE holdfast.action_selectors ADD CONSTRAINT action_selectors_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX action_selectors_agent ON holdfast.action_selectors USING btree (tenant_id, agent_id, create_time, id) WHERE (agent_id IS NOT NULL);
CREATE INDEX action_selectors_created ON holdfast.action_selectors USING btree (tenant_id, create_time, id);
CREATE UNIQUE INDEX action_selectors_external_id ON holdfast.action_selectors USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX action_selectors_labels ON holdfast.action_selectors USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX action_selectors_session ON holdfast.action_selectors USING btree (tenant_id, session_id, create_time, id) WHERE (session_id IS NOT NULL);
CREATE INDEX action_selectors_type ON holdfast.action_selectors USING btree (tenant_id, type, create_time, id) WHERE (type IS NOT NULL);
ALTER TABLE holdfast.action_selectors ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.action_selectors FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.action_selectors FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.action_selectors FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.action_selectors TO holdfast_append;
GRANT SELECT ON holdfast.action_selectors TO holdfast_runtime;

CREATE TABLE holdfast.actions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  revision bigint NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  type text NOT NULL,
  name text NOT NULL,
  tool text NOT NULL,
  description text NOT NULL,
  parameters json,
  parameters_bytes bytea,
  parameters_content_type text,
  status text NOT NULL,
  result json,
  result_bytes bytea,
  result_content_type text,
  success_score double precision,
  cost double precision,
  expected_outcome text NOT NULL,
  prerequisites jsonb NOT NULL,
  goal_id uuid,
  user_id text NOT NULL,
  start_time timestamp with time zone,
  complete_time timestamp with time zone,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text
) WITH (fillfactor=80);
ALTER TABLE holdfast.actions ADD CONSTRAINT actions_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX actions_agent ON holdfast.actions USING btree (tenant_id, agent_id, create_time, id) WHERE (agent_id IS NOT NULL);
CREATE INDEX actions_created ON holdfast.actions USING btree (tenant_id, create_time, id);
CREATE UNIQUE INDEX actions_external_id ON holdfast.actions USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX actions_goal ON holdfast.actions USING btree (tenant_id, goal_id, create_time, id) WHERE (goal_id IS NOT NULL);
CREATE INDEX actions_labels ON holdfast.actions USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX actions_session ON holdfast.actions USING btree (tenant_id, session_id, create_time, id) WHERE (session_id IS NOT NULL);
CREATE INDEX actions_status ON holdfast.actions USING btree (tenant_id, status, create_time, id) WHERE (status IS NOT NULL);
CREATE INDEX actions_type ON holdfast.actions USING btree (tenant_id, type, create_time, id) WHERE (type IS NOT NULL);
ALTER TABLE holdfast.actions ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.actions FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.actions FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.actions FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.actions TO holdfast_append;
GRANT SELECT ON holdfast.actions TO holdfast_runtime;

CREATE TABLE holdfast.commits (
  tenant_id uuid NOT NULL,
  "position" bigint NOT NULL,
  first_position bigint NOT NULL,
  commit_time timestamp with time zone NOT NULL,
  hash bytea NOT NULL
);
ALTER TABLE holdfast.commits ADD CONSTRAINT commits_pkey PRIMARY KEY (tenant_id, "position");
ALTER TABLE holdfast.commits ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.commits FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.commits FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.commits FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.commits TO holdfast_append;
GRANT SELECT ON holdfast.commits TO holdfast_runtime;

CREATE TABLE holdfast.configurations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  revision bigint NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  key text NOT NULL,
  value json,
  value_bytes bytea,
  value_content_type text,
  type text NOT NULL,
  description text NOT NULL,
  active boolean,
  value_type text,
  schema json,
  schema_bytes bytea,
  schema_content_type text,
  layer text NOT NULL,
  is_secret boolean NOT NULL,
  actor text NOT NULL,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text
) WITH (fillfactor=80);
ALTER TABLE holdfast.configurations ADD CONSTRAINT configurations_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX configurations_agent ON holdfast.configurations USING btree (tenant_id, agent_id, create_time, id) WHERE (agent_id IS NOT NULL);
CREATE INDEX configurations_created ON holdfast.configurations USING btree (tenant_id, create_time, id);
CREATE UNIQUE INDEX configurations_external_id ON holdfast.configurations USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE UNIQUE INDEX configurations_key ON holdfast.configurations USING btree (tenant_id, key, layer, COALESCE(agent_id, ''::text)) WHERE (delete_time IS NULL);
CREATE INDEX configurations_labels ON holdfast.configurations USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX configurations_past_key ON holdfast.configurations USING btree (tenant_id, key);
CREATE INDEX configurations_session ON holdfast.configurations USING btree (tenant_id, session_id, create_time, id) WHERE (session_id IS NOT NULL);
CREATE INDEX configurations_type ON holdfast.configurations USING btree (tenant_id, type, create_time, id) WHERE (type IS NOT NULL);
ALTER TABLE holdfast.configurations ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.configurations FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.configurations FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.configurations FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.configurations TO holdfast_append;
GRANT SELECT ON holdfast.configurations TO holdfast_runtime;

CREATE TABLE holdfast.cross_session_patterns (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  revision bigint NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  type text NOT NULL,
  description text NOT NULL,
  data json,
  data_bytes bytea,
  data_content_type text,
  confidence double precision NOT NULL,
  usage_count bigint NOT NULL,
  success_rate double precision,
  last_used_time timestamp with time zone,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text
) WITH (fillfactor=80);
ALTER TABLE holdfast.cross_session_patterns ADD CONSTRAINT cross_session_patterns_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX cross_session_patterns_agent ON holdfast.cross_session_patterns USING btree (tenant_id, agent_id, create_time, id) WHERE (agent_id IS NOT NULL);
CREATE INDEX cross_session_patterns_confidence ON holdfast.cross_session_patterns USING btree (tenant_id, confidence, create_time, id) WHERE (confidence IS NOT NULL);
CREATE INDEX cross_session_patterns_created ON holdfast.cross_session_patterns USING btree (tenant_id, create_time, id);
CREATE UNIQUE INDEX cross_session_patterns_external_id ON holdfast.cross_session_patterns USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX cross_session_patterns_labels ON holdfast.cross_session_patterns USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX cross_session_patterns_rank ON holdfast.cross_session_patterns USING btree (tenant_id, ((date_part('epoch'::text, (COALESCE(last_used_time, create_time) - '1970-01-01 00:00:00+00'::timestamp with time zone)) + ((2592000)::double precision *
CASE
    WHEN (confidence > (0)::double precision) THEN (ln(confidence) / ln((2)::double precision))
    ELSE '-Infinity'::double precision
END))), id) WHERE (delete_time IS NULL);
CREATE INDEX cross_session_patterns_session ON holdfast.cross_session_patterns USING btree (tenant_id, session_id, create_time, id) WHERE (session_id IS NOT NULL);
CREATE INDEX cross_session_patterns_type ON holdfast.cross_session_patterns USING btree (tenant_id, type, create_time, id) WHERE (type IS NOT NULL);
CREATE INDEX cross_session_patterns_type_rank ON holdfast.cross_session_patterns USING btree (tenant_id, type, ((date_part('epoch'::text, (COALESCE(last_used_time, create_time) - '1970-01-01 00:00:00+00'::timestamp with time zone)) + ((2592000)::double precision *
CASE
    WHEN (confidence > (0)::double precision) THEN (ln(confidence) / ln((2)::double precision))
    ELSE '-Infinity'::double precision
END))), id) WHERE (delete_time IS NULL);
ALTER TABLE holdfast.cross_session_patterns ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.cross_session_patterns FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.cross_session_patterns FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.cross_session_patterns FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.cross_session_patterns TO holdfast_append;
GRANT SELECT ON holdfast.cross_session_patterns TO holdfast_runtime;

CREATE TABLE holdfast.decisions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  content_hash bytea NOT NULL,
  type text NOT NULL,
  context json,
  context_bytes bytea,
  context_content_type text,
  alternatives json,
  alternatives_bytes bytea,
  alternatives_content_type text,
  reasoning text NOT NULL,
  confidence double precision,
  action_taken text NOT NULL,
  action_id uuid,
  observation_id uuid,
  goal_id uuid,
  outcome text NOT NULL,
  duration_ms double precision,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text,
  withdraw_time timestamp with time zone
);
ALTER TABLE holdfast.decisions ADD CONSTRAINT decisions_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX decisions_action ON holdfast.decisions USING btree (tenant_id, action_id, "position") WHERE (action_id IS NOT NULL);
CREATE INDEX decisions_agent ON holdfast.decisions USING btree (tenant_id, agent_id, "position") WHERE (agent_id IS NOT NULL);
CREATE UNIQUE INDEX decisions_external_id ON holdfast.decisions USING btree (tenant_id, external_id) WHERE ((external_id IS NOT NULL) AND (withdraw_time IS NULL));
CREATE INDEX decisions_goal ON holdfast.decisions USING btree (tenant_id, goal_id, "position") WHERE (goal_id IS NOT NULL);
CREATE INDEX decisions_labels ON holdfast.decisions USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE UNIQUE INDEX decisions_position ON holdfast.decisions USING btree (tenant_id, "position");
CREATE INDEX decisions_session ON holdfast.decisions USING btree (tenant_id, session_id, "position") WHERE (session_id IS NOT NULL);
CREATE INDEX decisions_type ON holdfast.decisions USING btree (tenant_id, type, "position") WHERE (type IS NOT NULL);
ALTER TABLE holdfast.decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.decisions FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.decisions FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.decisions TO holdfast_append;
GRANT SELECT ON holdfast.decisions TO holdfast_runtime;

CREATE TABLE holdfast.goals (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  revision bigint NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  title text NOT NULL,
  description text NOT NULL,
  status text NOT NULL,
  priority double precision NOT NULL,
  progress double precision NOT NULL,
  parent_goal_id uuid,
  depends_on jsonb NOT NULL,
  constraints json,
  constraints_bytes bytea,
  constraints_content_type text,
  target_time timestamp with time zone,
  complete_time timestamp with time zone,
  created_by text NOT NULL,
  progress_is_set boolean NOT NULL,
  lease_holder text NOT NULL,
  lease_expire_time timestamp with time zone,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text
) WITH (fillfactor=80);
ALTER TABLE holdfast.goals ADD CONSTRAINT goals_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX goals_agent ON holdfast.goals USING btree (tenant_id, agent_id, create_time, id) WHERE (agent_id IS NOT NULL);
CREATE INDEX goals_created ON holdfast.goals USING btree (tenant_id, create_time, id);
CREATE INDEX goals_depends_on ON holdfast.goals USING gin (((((('["'::text || (tenant_id)::text) || '"]'::text))::jsonb || depends_on)) jsonb_path_ops) WITH (fastupdate=off) WHERE (depends_on <> '[]'::jsonb);
CREATE UNIQUE INDEX goals_external_id ON holdfast.goals USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX goals_labels ON holdfast.goals USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX goals_leased ON holdfast.goals USING btree (tenant_id, priority DESC, create_time, id) WHERE ((status = 'IN_PROGRESS'::text) AND (lease_expire_time IS NOT NULL) AND (delete_time IS NULL));
CREATE INDEX goals_parent_goal ON holdfast.goals USING btree (tenant_id, parent_goal_id, create_time, id) WHERE (parent_goal_id IS NOT NULL);
CREATE INDEX goals_ready ON holdfast.goals USING btree (tenant_id, priority DESC, create_time, id) WHERE ((status = 'PENDING'::text) AND (delete_time IS NULL));
CREATE INDEX goals_session ON holdfast.goals USING btree (tenant_id, session_id, create_time, id) WHERE (session_id IS NOT NULL);
CREATE INDEX goals_status ON holdfast.goals USING btree (tenant_id, status, create_time, id) WHERE (status IS NOT NULL);
ALTER TABLE holdfast.goals ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.goals FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.goals FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.goals FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.goals TO holdfast_append;
GRANT SELECT ON holdfast.goals TO holdfast_runtime;

CREATE TABLE holdfast.import_batches (
  tenant_id uuid NOT NULL,
  import_id uuid NOT NULL,
  number integer NOT NULL,
  entities text[] NOT NULL,
  ids uuid[] NOT NULL
);
ALTER TABLE holdfast.import_batches ADD CONSTRAINT import_batches_pkey PRIMARY KEY (tenant_id, import_id, number);
ALTER TABLE holdfast.import_batches ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.import_batches FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.import_batches FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.import_batches FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.import_batches TO holdfast_append;
GRANT SELECT ON holdfast.import_batches TO holdfast_runtime;

CREATE TABLE holdfast.imports (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  status text NOT NULL,
  sources_hash bytea NOT NULL,
  start_position bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  update_time timestamp with time zone NOT NULL,
  report json NOT NULL
);
ALTER TABLE holdfast.imports ADD CONSTRAINT imports_pkey PRIMARY KEY (tenant_id, id);
ALTER TABLE holdfast.imports ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.imports FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.imports FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.imports FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.imports TO holdfast_append;
GRANT SELECT ON holdfast.imports TO holdfast_runtime;

CREATE TABLE holdfast.learning_systems (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  revision bigint NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  type text NOT NULL,
  strategies json,
  strategies_bytes bytea,
  strategies_content_type text,
  strategy_scores jsonb NOT NULL,
  strategy_counts jsonb NOT NULL,
  pattern_library json,
  pattern_library_bytes bytea,
  pattern_library_content_type text,
  total_episodes bigint NOT NULL,
  history json,
  history_bytes bytea,
  history_content_type text,
  best_strategies jsonb NOT NULL,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text
) WITH (fillfactor=80);
ALTER TABLE holdfast.learning_systems ADD CONSTRAINT learning_systems_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX learning_systems_agent ON holdfast.learning_systems USING btree (tenant_id, agent_id, create_time, id) WHERE (agent_id IS NOT NULL);
CREATE INDEX learning_systems_created ON holdfast.learning_systems USING btree (tenant_id, create_time, id);
CREATE UNIQUE INDEX learning_systems_external_id ON holdfast.learning_systems USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX learning_systems_labels ON holdfast.learning_systems USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX learning_systems_session ON holdfast.learning_systems USING btree (tenant_id, session_id, create_time, id) WHERE (session_id IS NOT NULL);
CREATE INDEX learning_systems_type ON holdfast.learning_systems USING btree (tenant_id, type, create_time, id) WHERE (type IS NOT NULL);
ALTER TABLE holdfast.learning_systems ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.learning_systems FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.learning_systems FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.learning_systems FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.learning_systems TO holdfast_append;
GRANT SELECT ON holdfast.learning_systems TO holdfast_runtime;

CREATE TABLE holdfast.memories (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  revision bigint NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  type text NOT NULL,
  content text NOT NULL,
  goal_id uuid,
  action json,
  action_bytes bytea,
  action_content_type text,
  observation json,
  observation_bytes bytea,
  observation_content_type text,
  context json,
  context_bytes bytea,
  context_content_type text,
  success_score double precision,
  importance double precision,
  tags jsonb NOT NULL,
  embedding real[],
  embedding_model text NOT NULL,
  expire_time timestamp with time zone,
  search_terms tsvector NOT NULL DEFAULT array_to_tsvector(array_remove(array_remove(string_to_array(replace((' '::text ||
CASE
    WHEN (content ~ '[^ ]{61}'::text) THEN regexp_replace("left"(
    CASE
        WHEN (octet_length(content) = char_length(content)) THEN regexp_replace(lower("left"(content, 32768)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F]+'::text, ' '::text, 'g'::text)
        WHEN (content ~ '[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]'::text) THEN ((regexp_replace(regexp_replace(lower(NORMALIZE("left"(content, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+'::text, ' '::text, 'g'::text), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})'::text, ' \1 '::text, 'g'::text) || ' '::text) || regexp_replace(regexp_replace(regexp_replace(lower(NORMALIZE("left"(content, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+'::text, ' '::text, 'g'::text), '(?<![\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])'::text, ' \1 '::text, 'g'::text), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})'::text, ' \1 '::text, 'g'::text))
        ELSE regexp_replace(lower(NORMALIZE("left"(content, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+'::text, ' '::text, 'g'::text)
    END, 131072), '([^ ]{1,60})'::text, ' \1'::text, 'g'::text)
    ELSE "left"(
    CASE
        WHEN (octet_length(content) = char_length(content)) THEN regexp_replace(lower("left"(content, 32768)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F]+'::text, ' '::text, 'g'::text)
        WHEN (content ~ '[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]'::text) THEN ((regexp_replace(regexp_replace(lower(NORMALIZE("left"(content, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+'::text, ' '::text, 'g'::text), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})'::text, ' \1 '::text, 'g'::text) || ' '::text) || regexp_replace(regexp_replace(regexp_replace(lower(NORMALIZE("left"(content, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+'::text, ' '::text, 'g'::text), '(?<![\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])'::text, ' \1 '::text, 'g'::text), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})'::text, ' \1 '::text, 'g'::text))
        ELSE regexp_replace(lower(NORMALIZE("left"(content, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+'::text, ' '::text, 'g'::text)
    END, 131072)
END), ' '::text, (' '::text || ('h'::text || "left"(md5((tenant_id)::text), 8)))), ' '::text), ''::text), ('h'::text || "left"(md5((tenant_id)::text), 8)))) STORED,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text
) WITH (fillfactor=80);
ALTER TABLE holdfast.memories ADD CONSTRAINT memories_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX memories_agent ON holdfast.memories USING btree (tenant_id, agent_id, create_time, id) WHERE (agent_id IS NOT NULL);
CREATE INDEX memories_created ON holdfast.memories USING btree (tenant_id, create_time, id);
CREATE INDEX memories_expire ON holdfast.memories USING btree (tenant_id, expire_time) WHERE ((expire_time IS NOT NULL) AND (delete_time IS NULL));
CREATE UNIQUE INDEX memories_external_id ON holdfast.memories USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX memories_goal ON holdfast.memories USING btree (tenant_id, goal_id, create_time, id) WHERE (goal_id IS NOT NULL);
CREATE INDEX memories_labels ON holdfast.memories USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX memories_sampled_terms ON holdfast.memories USING gin (search_terms) WITH (fastupdate=off) WHERE ((uuid_hash(id) & 63) = 0);
CREATE INDEX memories_search_terms ON holdfast.memories USING gin (search_terms) WITH (fastupdate='on', gin_pending_list_limit='256');
CREATE INDEX memories_session ON holdfast.memories USING btree (tenant_id, session_id, create_time, id) WHERE (session_id IS NOT NULL);
CREATE INDEX memories_tags ON holdfast.memories USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], tags) jsonb_path_ops) WHERE (tags <> '[]'::jsonb);
CREATE INDEX memories_type ON holdfast.memories USING btree (tenant_id, type, create_time, id) WHERE (type IS NOT NULL);
CREATE INDEX memories_working ON holdfast.memories USING btree (tenant_id, session_id, agent_id) WHERE ((type = 'WORKING'::text) AND (delete_time IS NULL));
ALTER TABLE holdfast.memories ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.memories FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.memories FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.memories FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.memories TO holdfast_append;
GRANT SELECT ON holdfast.memories TO holdfast_runtime;

CREATE TABLE holdfast.memory_access (
  tenant_id uuid NOT NULL,
  memory_id uuid NOT NULL,
  access_time timestamp with time zone NOT NULL,
  access_count bigint NOT NULL
) WITH (fillfactor=80);
ALTER TABLE holdfast.memory_access ADD CONSTRAINT memory_access_pkey PRIMARY KEY (tenant_id, memory_id);
ALTER TABLE holdfast.memory_access ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.memory_access FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.memory_access FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.memory_access FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.memory_access TO holdfast_append;
GRANT SELECT ON holdfast.memory_access TO holdfast_runtime;

CREATE TABLE holdfast.memory_vectors (
  tenant_id uuid NOT NULL,
  memory_id uuid NOT NULL,
  vector bytea NOT NULL
);
ALTER TABLE holdfast.memory_vectors ADD CONSTRAINT memory_vectors_pkey PRIMARY KEY (tenant_id, memory_id);
ALTER TABLE holdfast.memory_vectors ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.memory_vectors FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.memory_vectors FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.memory_vectors FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.memory_vectors TO holdfast_append;
GRANT SELECT ON holdfast.memory_vectors TO holdfast_runtime;

CREATE TABLE holdfast.memory_words (
  tenant_id uuid NOT NULL,
  trigram text NOT NULL,
  word text NOT NULL
);
ALTER TABLE holdfast.memory_words ADD CONSTRAINT memory_words_pkey PRIMARY KEY (tenant_id, trigram, word);
ALTER TABLE holdfast.memory_words ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.memory_words FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.memory_words FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.memory_words FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.memory_words TO holdfast_append;
GRANT SELECT ON holdfast.memory_words TO holdfast_runtime;

CREATE TABLE holdfast.migrations (
  name character varying(255) NOT NULL,
  "timestamp" character varying(255) NOT NULL
);
ALTER TABLE holdfast.migrations ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);
GRANT SELECT ON holdfast.migrations TO holdfast_writer;

CREATE TABLE holdfast.migrations_lock (
  id character varying(255) NOT NULL,
  is_locked integer NOT NULL DEFAULT 0
);
ALTER TABLE holdfast.migrations_lock ADD CONSTRAINT migrations_lock_pkey PRIMARY KEY (id);

CREATE TABLE holdfast.observations (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  content_hash bytea NOT NULL,
  type text NOT NULL,
  content text NOT NULL,
  data json,
  data_bytes bytea,
  data_content_type text,
  success boolean,
  action_id uuid,
  goal_id uuid,
  feedback text NOT NULL,
  metrics jsonb NOT NULL,
  occur_time timestamp with time zone,
  withdraw_time timestamp with time zone
);
ALTER TABLE holdfast.observations ADD CONSTRAINT observations_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX observations_action ON holdfast.observations USING btree (tenant_id, action_id, "position") WHERE (action_id IS NOT NULL);
CREATE INDEX observations_agent ON holdfast.observations USING btree (tenant_id, agent_id, "position") WHERE (agent_id IS NOT NULL);
CREATE UNIQUE INDEX observations_external_id ON holdfast.observations USING btree (tenant_id, external_id) WHERE ((external_id IS NOT NULL) AND (withdraw_time IS NULL));
CREATE INDEX observations_failed ON holdfast.observations USING btree (tenant_id, "position") WHERE (success IS FALSE);
CREATE INDEX observations_goal ON holdfast.observations USING btree (tenant_id, goal_id, "position") WHERE (goal_id IS NOT NULL);
CREATE INDEX observations_labels ON holdfast.observations USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE UNIQUE INDEX observations_position ON holdfast.observations USING btree (tenant_id, "position");
CREATE INDEX observations_session ON holdfast.observations USING btree (tenant_id, session_id, "position") WHERE (session_id IS NOT NULL);
CREATE INDEX observations_type ON holdfast.observations USING btree (tenant_id, type, "position") WHERE (type IS NOT NULL);
ALTER TABLE holdfast.observations ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.observations FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.observations FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.observations FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.observations TO holdfast_append;
GRANT SELECT ON holdfast.observations TO holdfast_runtime;

CREATE TABLE holdfast.performance_metrics (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  content_hash bytea NOT NULL,
  name text NOT NULL,
  value double precision NOT NULL,
  unit text NOT NULL,
  component text NOT NULL,
  tags jsonb NOT NULL,
  "time" timestamp with time zone,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text,
  withdraw_time timestamp with time zone
);
ALTER TABLE holdfast.performance_metrics ADD CONSTRAINT performance_metrics_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX performance_metrics_agent ON holdfast.performance_metrics USING btree (tenant_id, agent_id, "position") WHERE (agent_id IS NOT NULL);
CREATE INDEX performance_metrics_component ON holdfast.performance_metrics USING btree (tenant_id, component, "position") WHERE (component IS NOT NULL);
CREATE UNIQUE INDEX performance_metrics_external_id ON holdfast.performance_metrics USING btree (tenant_id, external_id) WHERE ((external_id IS NOT NULL) AND (withdraw_time IS NULL));
CREATE INDEX performance_metrics_labels ON holdfast.performance_metrics USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX performance_metrics_name ON holdfast.performance_metrics USING btree (tenant_id, name, "position") WHERE (name IS NOT NULL);
CREATE UNIQUE INDEX performance_metrics_position ON holdfast.performance_metrics USING btree (tenant_id, "position");
CREATE INDEX performance_metrics_session ON holdfast.performance_metrics USING btree (tenant_id, session_id, "position") WHERE (session_id IS NOT NULL);
ALTER TABLE holdfast.performance_metrics ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.performance_metrics FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.performance_metrics FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.performance_metrics FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.performance_metrics TO holdfast_append;
GRANT SELECT ON holdfast.performance_metrics TO holdfast_runtime;

CREATE TABLE holdfast.revisions (
  tenant_id uuid NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  entity text NOT NULL,
  entity_id uuid NOT NULL,
  revision bigint NOT NULL,
  change text NOT NULL,
  session_id uuid,
  agent_id text,
  request_id uuid NOT NULL,
  request_hash bytea NOT NULL,
  content_hash bytea NOT NULL,
  state json NOT NULL
);
ALTER TABLE holdfast.revisions ADD CONSTRAINT revisions_pkey PRIMARY KEY (tenant_id, entity, entity_id, revision);
CREATE INDEX revisions_agent ON holdfast.revisions USING btree (tenant_id, agent_id, "position") WHERE (agent_id IS NOT NULL);
CREATE UNIQUE INDEX revisions_position ON holdfast.revisions USING btree (tenant_id, "position");
CREATE UNIQUE INDEX revisions_request ON holdfast.revisions USING btree (tenant_id, entity, request_id);
CREATE INDEX revisions_session ON holdfast.revisions USING btree (tenant_id, session_id, "position") WHERE (session_id IS NOT NULL);
ALTER TABLE holdfast.revisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.revisions FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.revisions FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.revisions FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.revisions TO holdfast_append;
GRANT SELECT ON holdfast.revisions TO holdfast_runtime;

CREATE TABLE holdfast.routines (
  version text NOT NULL
);
ALTER TABLE holdfast.routines ADD CONSTRAINT routines_pkey PRIMARY KEY (version);
GRANT SELECT ON holdfast.routines TO holdfast_writer;

CREATE TABLE holdfast.security_audits (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  session_id uuid,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  content_hash bytea NOT NULL,
  operation text NOT NULL,
  actor text NOT NULL,
  target text NOT NULL,
  valid boolean NOT NULL,
  level text,
  message text NOT NULL,
  suggestions jsonb NOT NULL,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text,
  by_holdfast boolean NOT NULL,
  withdraw_time timestamp with time zone
);
ALTER TABLE holdfast.security_audits ADD CONSTRAINT security_audits_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX security_audits_actor ON holdfast.security_audits USING btree (tenant_id, actor, "position") WHERE (actor IS NOT NULL);
CREATE INDEX security_audits_agent ON holdfast.security_audits USING btree (tenant_id, agent_id, "position") WHERE (agent_id IS NOT NULL);
CREATE INDEX security_audits_by_holdfast ON holdfast.security_audits USING btree (tenant_id, by_holdfast, "position");
CREATE UNIQUE INDEX security_audits_external_id ON holdfast.security_audits USING btree (tenant_id, external_id) WHERE ((external_id IS NOT NULL) AND (withdraw_time IS NULL));
CREATE INDEX security_audits_labels ON holdfast.security_audits USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX security_audits_level ON holdfast.security_audits USING btree (tenant_id, level, "position") WHERE (level IS NOT NULL);
CREATE INDEX security_audits_operation ON holdfast.security_audits USING btree (tenant_id, operation, "position") WHERE (operation IS NOT NULL);
CREATE UNIQUE INDEX security_audits_position ON holdfast.security_audits USING btree (tenant_id, "position");
CREATE INDEX security_audits_session ON holdfast.security_audits USING btree (tenant_id, session_id, "position") WHERE (session_id IS NOT NULL);
CREATE INDEX security_audits_valid ON holdfast.security_audits USING btree (tenant_id, valid, "position");
ALTER TABLE holdfast.security_audits ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.security_audits FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.security_audits FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.security_audits FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.security_audits TO holdfast_append;
GRANT SELECT ON holdfast.security_audits TO holdfast_runtime;

CREATE TABLE holdfast.servers (
  id uuid NOT NULL,
  version text NOT NULL,
  oldest_schema text NOT NULL,
  newest_schema text NOT NULL,
  heartbeat_time timestamp with time zone NOT NULL
) WITH (fillfactor=10, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);
ALTER TABLE holdfast.servers ADD CONSTRAINT servers_pkey PRIMARY KEY (id);
GRANT DELETE, INSERT, SELECT, UPDATE ON holdfast.servers TO holdfast_append;

CREATE TABLE holdfast.sessions (
  tenant_id uuid NOT NULL,
  id uuid NOT NULL,
  external_id text,
  agent_id text,
  labels jsonb NOT NULL,
  "position" bigint NOT NULL,
  create_time timestamp with time zone NOT NULL,
  revision bigint NOT NULL,
  update_time timestamp with time zone NOT NULL,
  delete_time timestamp with time zone,
  type text NOT NULL,
  status text NOT NULL,
  start_time timestamp with time zone,
  end_time timestamp with time zone,
  goals_total integer NOT NULL,
  goals_completed integer NOT NULL,
  success_rate double precision,
  parent_session_id uuid,
  fork_position bigint NOT NULL,
  metadata json,
  metadata_bytes bytea,
  metadata_content_type text
) WITH (fillfactor=80);
ALTER TABLE holdfast.sessions ADD CONSTRAINT sessions_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX sessions_agent ON holdfast.sessions USING btree (tenant_id, agent_id, create_time, id) WHERE (agent_id IS NOT NULL);
CREATE INDEX sessions_created ON holdfast.sessions USING btree (tenant_id, create_time, id);
CREATE UNIQUE INDEX sessions_external_id ON holdfast.sessions USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX sessions_labels ON holdfast.sessions USING gin (jsonb_set('{}'::jsonb, ARRAY[(tenant_id)::text], labels) jsonb_path_ops) WHERE (labels <> '{}'::jsonb);
CREATE INDEX sessions_status ON holdfast.sessions USING btree (tenant_id, status, create_time, id) WHERE (status IS NOT NULL);
CREATE INDEX sessions_type ON holdfast.sessions USING btree (tenant_id, type, create_time, id) WHERE (type IS NOT NULL);
ALTER TABLE holdfast.sessions ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.sessions FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.sessions FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.sessions FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.sessions TO holdfast_append;
GRANT SELECT ON holdfast.sessions TO holdfast_runtime;

CREATE TABLE holdfast.tenant_logs (
  tenant_id uuid NOT NULL,
  log_id uuid NOT NULL,
  "position" bigint NOT NULL,
  hash bytea NOT NULL,
  commit_time timestamp with time zone,
  created_counts bigint[] NOT NULL DEFAULT '{}'::bigint[],
  deleted_counts bigint[] NOT NULL DEFAULT '{}'::bigint[],
  change_counts bigint[] NOT NULL DEFAULT '{}'::bigint[]
) WITH (fillfactor=10, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);
ALTER TABLE holdfast.tenant_logs ADD CONSTRAINT tenant_logs_pkey PRIMARY KEY (tenant_id);
ALTER TABLE holdfast.tenant_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.tenant_logs FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.tenant_logs FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.tenant_logs FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.tenant_logs TO holdfast_append;
GRANT SELECT ON holdfast.tenant_logs TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.add_import_batch(p_tenant uuid, p_import uuid, p_entities text[], p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;
  INSERT INTO holdfast.import_batches (tenant_id, import_id, number, entities, ids)
  SELECT p_tenant, p_import, coalesce(max(b.number), 0) + 1, p_entities, p_ids
  FROM holdfast.import_batches b WHERE b.tenant_id = p_tenant AND b.import_id = p_import;
END $function$;
ALTER FUNCTION holdfast.add_import_batch(uuid,uuid,text[],uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.add_import_batch(uuid,uuid,text[],uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.begin_append(p_tenant uuid, p_count integer, p_content_hashes bytea, p_active_sessions uuid[], p_tally integer[], p_after text, p_turn text, OUT first_position bigint, OUT commit_time timestamp with time zone, OUT log_id uuid, OUT previous_hash bytea, OUT commit_hash bytea)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_position bigint;
  v_commit_time timestamptz;
  v_not_active json;
  v_created bigint[];
  v_deleted bigint[];
  v_changes bigint[];
  v_kind integer;
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;

  IF p_after IS NOT NULL AND p_after IS DISTINCT FROM current_setting('holdfast.turn', true) THEN
    RAISE EXCEPTION 'the flush before this one is not stored' USING ERRCODE = 'HF003';
  END IF;
  IF p_turn IS NOT NULL THEN
    PERFORM set_config('holdfast.turn', p_turn, false);
  END IF;

  LOOP
    SELECT l.position, l.hash, l.commit_time, l.log_id, l.created_counts, l.deleted_counts, l.change_counts
    INTO v_position, previous_hash, v_commit_time, log_id, v_created, v_deleted, v_changes
    FROM holdfast.tenant_logs l WHERE l.tenant_id = p_tenant FOR UPDATE;
    EXIT WHEN FOUND;
    INSERT INTO holdfast.tenant_logs (tenant_id, log_id, position, hash)
    VALUES (p_tenant, gen_random_uuid(), 0, ''::bytea) ON CONFLICT DO NOTHING;
  END LOOP;

  IF p_active_sessions IS NOT NULL THEN
    SELECT json_agg(json_build_object('id', a.id, 'status',
             CASE WHEN s.delete_time IS NOT NULL THEN 'DELETED' ELSE s.status END))
    INTO v_not_active
    FROM unnest(p_active_sessions) AS a(id)
    LEFT JOIN LATERAL (SELECT * FROM holdfast.sessions WHERE tenant_id = p_tenant AND id = a.id OFFSET 0) AS s ON true
    WHERE s.status IS DISTINCT FROM 'ACTIVE' OR s.delete_time IS NOT NULL;
    IF v_not_active IS NOT NULL THEN
      RAISE EXCEPTION 'session not active' USING ERRCODE = 'HF001', DETAIL = v_not_active::text;
    END IF;
  END IF;

  first_position := v_position + 1;
  commit_time := greatest(clock_timestamp(), v_commit_time);
  v_position := v_position + p_count;
  commit_hash := sha256(previous_hash || int8send(first_position) || int8send(v_position)
    || int8send((extract(epoch FROM commit_time) * 1000000)::bigint) || p_content_hashes);

  FOR i IN 1 .. cardinality(p_tally) BY 4 LOOP
    v_kind := p_tally[i];
    v_created[v_kind] := coalesce(v_created[v_kind], 0) + p_tally[i + 1];
    v_deleted[v_kind] := coalesce(v_deleted[v_kind], 0) + p_tally[i + 2];
    v_changes[v_kind] := coalesce(v_changes[v_kind], 0) + p_tally[i + 3];
  END LOOP;

  UPDATE holdfast.tenant_logs l SET position = v_position, hash = commit_hash, commit_time = begin_append.commit_time,
    created_counts = v_created, deleted_counts = v_deleted, change_counts = v_changes
  WHERE l.tenant_id = p_tenant;
  INSERT INTO holdfast.commits (tenant_id, position, first_position, commit_time, hash)
  VALUES (p_tenant, v_position, first_position, begin_append.commit_time, commit_hash);
END $function$;
ALTER FUNCTION holdfast.begin_append(uuid,integer,bytea,uuid[],integer[],text,text) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.begin_append(uuid,integer,bytea,uuid[],integer[],text,text) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.blocked_dependents(p_tenant uuid, p_ids uuid[])
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  RETURN QUERY
  SELECT DISTINCT g.id FROM unnest(p_ids) AS d (id)
  JOIN holdfast.goals g ON (('["' || g.tenant_id::text || '"]')::jsonb || g.depends_on) @> jsonb_build_array(p_tenant, d.id)
  WHERE g.tenant_id = p_tenant AND g.depends_on <> '[]'::jsonb
    AND g.status = 'BLOCKED' AND g.delete_time IS NULL;
END $function$;
ALTER FUNCTION holdfast.blocked_dependents(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.blocked_dependents(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.commit_barrier(p_server text)
 RETURNS text
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('holdfast commit barrier ' || p_server, 0));
  PERFORM pg_logical_emit_message(true, 'holdfast', '');
  RETURN left(pg_walfile_name(pg_current_wal_lsn()), 8);
END $function$;
ALTER FUNCTION holdfast.commit_barrier(text) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.commit_barrier(text) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.expired_memories(p_limit integer)
 RETURNS TABLE(tenant_id uuid, id uuid, revision bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT l.tenant_id, e.id, e.revision
  FROM holdfast.tenant_logs l, LATERAL (
    SELECT m.id, m.revision FROM holdfast.memories m
    WHERE m.tenant_id = l.tenant_id AND m.delete_time IS NULL AND m.expire_time <= now()
    ORDER BY m.expire_time LIMIT p_limit
  ) AS e
  LIMIT p_limit;
END $function$;
ALTER FUNCTION holdfast.expired_memories(integer) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.expired_memories(integer) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.heartbeat(p_id uuid, p_version text, p_oldest_schema text, p_newest_schema text)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;

  -- Postgres checks the rights of a statement that changes no row as well.
  UPDATE holdfast.tenant_logs SET position = position WHERE false;
  INSERT INTO holdfast.commits SELECT * FROM holdfast.commits WHERE false;

  INSERT INTO holdfast.servers AS s (id, version, oldest_schema, newest_schema, heartbeat_time)
  VALUES (p_id, p_version, p_oldest_schema, p_newest_schema, clock_timestamp())
  ON CONFLICT (id) DO UPDATE SET heartbeat_time = excluded.heartbeat_time;

  -- Another server may be removing them: its COMMIT is not waited for.
  DELETE FROM holdfast.servers WHERE id IN (
    SELECT s.id FROM holdfast.servers s WHERE s.heartbeat_time < clock_timestamp() - interval '1 hour'
    FOR UPDATE SKIP LOCKED);
END $function$;
ALTER FUNCTION holdfast.heartbeat(uuid,text,text,text) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.heartbeat(uuid,text,text,text) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.ids_containing(p_table text, p_column text, p_json jsonb, p_order text[])
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_order text := (SELECT string_agg(format('t.%I DESC', k), ', ') FROM unnest(p_order) AS k);
  v_hits integer;
  v_ids uuid[];
BEGIN
  EXECUTE format('
    SELECT count(*) FROM (
      SELECT t.%2$I AS content FROM holdfast.%1$I t WHERE t.tenant_id = $1
      ORDER BY %3$s LIMIT 2000
    ) AS sampled WHERE content @> $2', p_table, p_column, v_order)
  INTO v_hits USING v_tenant, p_json;
  IF v_hits >= 10 THEN RETURN NULL; END IF;

  -- The tenant is part of what the index holds, see createContentIndex.
  EXECUTE format('
    SELECT array_agg(id) FROM (
      SELECT t.id FROM holdfast.%1$I t
      WHERE jsonb_set(''{}'', ARRAY[t.tenant_id::text], t.%2$I) @> $1
        AND t.%2$I <> ''{}''::jsonb AND t.%2$I <> ''[]''::jsonb
      LIMIT 2001
    ) AS found', p_table, p_column)
  INTO v_ids USING jsonb_build_object(v_tenant::text, p_json);
  IF cardinality(v_ids) > 2000 THEN RETURN NULL; END IF;
  RETURN coalesce(v_ids, '{}');
END $function$;
ALTER FUNCTION holdfast.ids_containing(text,text,jsonb,text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.ids_containing(text,text,jsonb,text[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.keep_memory_vectors(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  INSERT INTO holdfast.memory_vectors AS v (tenant_id, memory_id, vector)
  SELECT m.tenant_id, m.id, (SELECT string_agg(float4send(number), '') FROM unnest(m.embedding) AS u (number))
  FROM unnest(p_ids) AS a(id) CROSS JOIN LATERAL (SELECT * FROM holdfast.memories WHERE tenant_id = p_tenant AND id = a.id OFFSET 0) AS m
  WHERE cardinality(m.embedding) > 0
  ON CONFLICT (tenant_id, memory_id) DO UPDATE SET vector = excluded.vector WHERE v.vector <> excluded.vector;
END $function$;
ALTER FUNCTION holdfast.keep_memory_vectors(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.keep_memory_vectors(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.learn_memory_words(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v_words text[];
  v_known text[];
BEGIN
  v_words := ARRAY(
    SELECT DISTINCT substr(t.term, 10)
    FROM unnest(p_ids) AS a(id) CROSS JOIN LATERAL (SELECT * FROM holdfast.memories WHERE tenant_id = p_tenant AND id = a.id OFFSET 0) AS m, unnest(CASE WHEN length(m.search_terms) > 1000
      THEN (tsvector_to_array(m.search_terms))[1:1000] ELSE tsvector_to_array(m.search_terms) END) AS t(term)
    WHERE octet_length(t.term) BETWEEN 13 AND 137
  );
  -- In one search of the index for all of them. An anti-join says the same, and where the table's statistics are not
  -- up to date it reads every word of the tenant for each.
  v_known := ARRAY(
    SELECT w.word FROM holdfast.memory_words w
    WHERE w.tenant_id = p_tenant AND w.trigram = '' AND w.word = ANY (v_words)
  );
  INSERT INTO holdfast.memory_words (tenant_id, trigram, word)
  SELECT p_tenant, t.trigram, l.word
  FROM (SELECT unnest(v_words) EXCEPT SELECT unnest(v_known)) AS l(word), unnest(''::text || ARRAY(SELECT DISTINCT substr('  ' || l.word || ' ', i, 3) FROM generate_series(1, char_length(l.word) + 1) AS i)) AS t(trigram)
  WHERE char_length(l.word) BETWEEN 4 AND 32 AND l.word !~ '[0-9\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]'
  -- In the order of the index, so that two servers never wait for each other.
  ORDER BY t.trigram, l.word
  ON CONFLICT DO NOTHING;
END $function$;
ALTER FUNCTION holdfast.learn_memory_words(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.learn_memory_words(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.lock_action_selectors(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.action_selectors t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $function$;
ALTER FUNCTION holdfast.lock_action_selectors(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_action_selectors(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.lock_actions(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.actions t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $function$;
ALTER FUNCTION holdfast.lock_actions(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_actions(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.lock_configurations(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.configurations t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $function$;
ALTER FUNCTION holdfast.lock_configurations(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_configurations(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.lock_cross_session_patterns(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.cross_session_patterns t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $function$;
ALTER FUNCTION holdfast.lock_cross_session_patterns(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_cross_session_patterns(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.lock_goals(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.goals t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $function$;
ALTER FUNCTION holdfast.lock_goals(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_goals(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.lock_learning_systems(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.learning_systems t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $function$;
ALTER FUNCTION holdfast.lock_learning_systems(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_learning_systems(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.lock_memories(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.memories t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $function$;
ALTER FUNCTION holdfast.lock_memories(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_memories(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.lock_sessions(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other; each by its key, as below.
  PERFORM FROM (SELECT a.id FROM unnest(p_ids) AS a(id) ORDER BY a.id) AS a, LATERAL (
    SELECT FROM holdfast.sessions t WHERE t.tenant_id = p_tenant AND t.id = a.id OFFSET 0 FOR NO KEY UPDATE
  ) AS locked;
END $function$;
ALTER FUNCTION holdfast.lock_sessions(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_sessions(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.log_positions(p_tenants uuid[], p_positions bigint[])
 RETURNS TABLE(tenant_id uuid, "position" bigint, hash bytea)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  RETURN QUERY SELECT a.tenant_id, coalesce(l.position, 0), c.hash
  FROM unnest(p_tenants, p_positions) AS a (tenant_id, position)
  LEFT JOIN holdfast.tenant_logs l ON l.tenant_id = a.tenant_id
  LEFT JOIN holdfast.commits c ON c.tenant_id = a.tenant_id AND c.position = a.position;
END $function$;
ALTER FUNCTION holdfast.log_positions(uuid[],bigint[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.log_positions(uuid[],bigint[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_action_selectors(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_type text[], p_action_scores jsonb[], p_action_counts jsonb[], p_action_history json[], p_action_history_bytes bytea[], p_action_history_content_type text[], p_context_weights jsonb[], p_goal_patterns json[], p_goal_patterns_bytes bytea[], p_goal_patterns_content_type text[], p_learning_rate double precision[], p_epsilon double precision[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, coalesce(u.action_scores, '{}'::jsonb) AS action_scores, coalesce(u.action_counts, '{}'::jsonb) AS action_counts, u.action_history AS action_history, u.action_history_bytes AS action_history_bytes, u.action_history_content_type AS action_history_content_type, coalesce(u.context_weights, '{}'::jsonb) AS context_weights, u.goal_patterns AS goal_patterns, u.goal_patterns_bytes AS goal_patterns_bytes, u.goal_patterns_content_type AS goal_patterns_content_type, u.learning_rate AS learning_rate, u.epsilon AS epsilon, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
    FROM unnest(
      p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_action_scores,
      p_action_counts,
      p_action_history,
      p_action_history_bytes,
      p_action_history_content_type,
      p_context_weights,
      p_goal_patterns,
      p_goal_patterns_bytes,
      p_goal_patterns_content_type,
      p_learning_rate,
      p_epsilon,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, action_scores, action_counts, action_history, action_history_bytes, action_history_content_type, context_weights, goal_patterns, goal_patterns_bytes, goal_patterns_content_type, learning_rate, epsilon, metadata, metadata_bytes, metadata_content_type
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'action_selector', u.id, u.revision, u.change,
      u.session_id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      CASE WHEN u.metadata IS NULL AND u.metadata_bytes IS NULL AND u.metadata_content_type IS NULL THEN (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.action_scores, u.action_counts, u.action_history, u.action_history_bytes, u.action_history_content_type, u.context_weights, u.goal_patterns, u.goal_patterns_bytes, u.goal_patterns_content_type, u.learning_rate, u.epsilon, u.position, u.create_time, u.update_time) AS s) ELSE (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.action_scores, u.action_counts, u.action_history, u.action_history_bytes, u.action_history_content_type, u.context_weights, u.goal_patterns, u.goal_patterns_bytes, u.goal_patterns_content_type, u.learning_rate, u.epsilon, u.metadata, u.metadata_bytes, u.metadata_content_type, u.position, u.create_time, u.update_time) AS s) END
    FROM u
  )
  INSERT INTO holdfast.action_selectors (tenant_id, position, create_time, update_time, id, external_id, session_id, agent_id, labels, revision, delete_time, type, action_scores, action_counts, action_history, action_history_bytes, action_history_content_type, context_weights, goal_patterns, goal_patterns_bytes, goal_patterns_content_type, learning_rate, epsilon, metadata, metadata_bytes, metadata_content_type)
  SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.action_scores, u.action_counts, u.action_history, u.action_history_bytes, u.action_history_content_type, u.context_weights, u.goal_patterns, u.goal_patterns_bytes, u.goal_patterns_content_type, u.learning_rate, u.epsilon, u.metadata, u.metadata_bytes, u.metadata_content_type
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, coalesce(u.action_scores, '{}'::jsonb) AS action_scores, coalesce(u.action_counts, '{}'::jsonb) AS action_counts, u.action_history AS action_history, u.action_history_bytes AS action_history_bytes, u.action_history_content_type AS action_history_content_type, coalesce(u.context_weights, '{}'::jsonb) AS context_weights, u.goal_patterns AS goal_patterns, u.goal_patterns_bytes AS goal_patterns_bytes, u.goal_patterns_content_type AS goal_patterns_content_type, u.learning_rate AS learning_rate, u.epsilon AS epsilon, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
      FROM unnest(
        p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_action_scores,
      p_action_counts,
      p_action_history,
      p_action_history_bytes,
      p_action_history_content_type,
      p_context_weights,
      p_goal_patterns,
      p_goal_patterns_bytes,
      p_goal_patterns_content_type,
      p_learning_rate,
      p_epsilon,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
      ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, action_scores, action_counts, action_history, action_history_bytes, action_history_content_type, context_weights, goal_patterns, goal_patterns_bytes, goal_patterns_content_type, learning_rate, epsilon, metadata, metadata_bytes, metadata_content_type
    )
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.action_selectors t SET update_time = p_commit_time, position = v.position, external_id = v.external_id, session_id = v.session_id, agent_id = v.agent_id, labels = v.labels, revision = v.revision, delete_time = v.delete_time, type = v.type, action_scores = v.action_scores, action_counts = v.action_counts, action_history = v.action_history, action_history_bytes = v.action_history_bytes, action_history_content_type = v.action_history_content_type, context_weights = v.context_weights, goal_patterns = v.goal_patterns, goal_patterns_bytes = v.goal_patterns_bytes, goal_patterns_content_type = v.goal_patterns_content_type, learning_rate = v.learning_rate, epsilon = v.epsilon, metadata = v.metadata, metadata_bytes = v.metadata_bytes, metadata_content_type = v.metadata_content_type
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_action_selectors(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],jsonb[],jsonb[],json[],bytea[],text[],jsonb[],json[],bytea[],text[],double precision[],double precision[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_action_selectors(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],jsonb[],jsonb[],json[],bytea[],text[],jsonb[],json[],bytea[],text[],double precision[],double precision[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_actions(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_type text[], p_name text[], p_tool text[], p_description text[], p_parameters json[], p_parameters_bytes bytea[], p_parameters_content_type text[], p_status text[], p_result json[], p_result_bytes bytea[], p_result_content_type text[], p_success_score double precision[], p_cost double precision[], p_expected_outcome text[], p_prerequisites jsonb[], p_goal_id uuid[], p_user_id text[], p_start_time timestamp with time zone[], p_complete_time timestamp with time zone[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, coalesce(u.name, ''::text) AS name, coalesce(u.tool, ''::text) AS tool, coalesce(u.description, ''::text) AS description, u.parameters AS parameters, u.parameters_bytes AS parameters_bytes, u.parameters_content_type AS parameters_content_type, u.status AS status, u.result AS result, u.result_bytes AS result_bytes, u.result_content_type AS result_content_type, u.success_score AS success_score, u.cost AS cost, coalesce(u.expected_outcome, ''::text) AS expected_outcome, coalesce(u.prerequisites, '[]'::jsonb) AS prerequisites, u.goal_id AS goal_id, coalesce(u.user_id, ''::text) AS user_id, u.start_time AS start_time, u.complete_time AS complete_time, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
    FROM unnest(
      p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_name,
      p_tool,
      p_description,
      p_parameters,
      p_parameters_bytes,
      p_parameters_content_type,
      p_status,
      p_result,
      p_result_bytes,
      p_result_content_type,
      p_success_score,
      p_cost,
      p_expected_outcome,
      p_prerequisites,
      p_goal_id,
      p_user_id,
      p_start_time,
      p_complete_time,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, name, tool, description, parameters, parameters_bytes, parameters_content_type, status, result, result_bytes, result_content_type, success_score, cost, expected_outcome, prerequisites, goal_id, user_id, start_time, complete_time, metadata, metadata_bytes, metadata_content_type
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'action', u.id, u.revision, u.change,
      u.session_id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      CASE WHEN u.metadata IS NULL AND u.metadata_bytes IS NULL AND u.metadata_content_type IS NULL THEN (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.name, u.tool, u.description, u.parameters, u.parameters_bytes, u.parameters_content_type, u.status, u.result, u.result_bytes, u.result_content_type, u.success_score, u.cost, u.expected_outcome, u.prerequisites, u.goal_id, u.user_id, u.start_time, u.complete_time, u.position, u.create_time, u.update_time) AS s) ELSE (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.name, u.tool, u.description, u.parameters, u.parameters_bytes, u.parameters_content_type, u.status, u.result, u.result_bytes, u.result_content_type, u.success_score, u.cost, u.expected_outcome, u.prerequisites, u.goal_id, u.user_id, u.start_time, u.complete_time, u.metadata, u.metadata_bytes, u.metadata_content_type, u.position, u.create_time, u.update_time) AS s) END
    FROM u
  )
  INSERT INTO holdfast.actions (tenant_id, position, create_time, update_time, id, external_id, session_id, agent_id, labels, revision, delete_time, type, name, tool, description, parameters, parameters_bytes, parameters_content_type, status, result, result_bytes, result_content_type, success_score, cost, expected_outcome, prerequisites, goal_id, user_id, start_time, complete_time, metadata, metadata_bytes, metadata_content_type)
  SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.name, u.tool, u.description, u.parameters, u.parameters_bytes, u.parameters_content_type, u.status, u.result, u.result_bytes, u.result_content_type, u.success_score, u.cost, u.expected_outcome, u.prerequisites, u.goal_id, u.user_id, u.start_time, u.complete_time, u.metadata, u.metadata_bytes, u.metadata_content_type
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, coalesce(u.name, ''::text) AS name, coalesce(u.tool, ''::text) AS tool, coalesce(u.description, ''::text) AS description, u.parameters AS parameters, u.parameters_bytes AS parameters_bytes, u.parameters_content_type AS parameters_content_type, u.status AS status, u.result AS result, u.result_bytes AS result_bytes, u.result_content_type AS result_content_type, u.success_score AS success_score, u.cost AS cost, coalesce(u.expected_outcome, ''::text) AS expected_outcome, coalesce(u.prerequisites, '[]'::jsonb) AS prerequisites, u.goal_id AS goal_id, coalesce(u.user_id, ''::text) AS user_id, u.start_time AS start_time, u.complete_time AS complete_time, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
      FROM unnest(
        p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_name,
      p_tool,
      p_description,
      p_parameters,
      p_parameters_bytes,
      p_parameters_content_type,
      p_status,
      p_result,
      p_result_bytes,
      p_result_content_type,
      p_success_score,
      p_cost,
      p_expected_outcome,
      p_prerequisites,
      p_goal_id,
      p_user_id,
      p_start_time,
      p_complete_time,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
      ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, name, tool, description, parameters, parameters_bytes, parameters_content_type, status, result, result_bytes, result_content_type, success_score, cost, expected_outcome, prerequisites, goal_id, user_id, start_time, complete_time, metadata, metadata_bytes, metadata_content_type
    )
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.actions t SET update_time = p_commit_time, position = v.position, external_id = v.external_id, session_id = v.session_id, agent_id = v.agent_id, labels = v.labels, revision = v.revision, delete_time = v.delete_time, type = v.type, name = v.name, tool = v.tool, description = v.description, parameters = v.parameters, parameters_bytes = v.parameters_bytes, parameters_content_type = v.parameters_content_type, status = v.status, result = v.result, result_bytes = v.result_bytes, result_content_type = v.result_content_type, success_score = v.success_score, cost = v.cost, expected_outcome = v.expected_outcome, prerequisites = v.prerequisites, goal_id = v.goal_id, user_id = v.user_id, start_time = v.start_time, complete_time = v.complete_time, metadata = v.metadata, metadata_bytes = v.metadata_bytes, metadata_content_type = v.metadata_content_type
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_actions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],text[],text[],json[],bytea[],text[],text[],json[],bytea[],text[],double precision[],double precision[],text[],jsonb[],uuid[],text[],timestamp with time zone[],timestamp with time zone[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_actions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],text[],text[],json[],bytea[],text[],text[],json[],bytea[],text[],double precision[],double precision[],text[],jsonb[],uuid[],text[],timestamp with time zone[],timestamp with time zone[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_configurations(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_key text[], p_value json[], p_value_bytes bytea[], p_value_content_type text[], p_type text[], p_description text[], p_active boolean[], p_value_type text[], p_schema json[], p_schema_bytes bytea[], p_schema_content_type text[], p_layer text[], p_is_secret boolean[], p_actor text[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.key, ''::text) AS key, u.value AS value, u.value_bytes AS value_bytes, u.value_content_type AS value_content_type, coalesce(u.type, ''::text) AS type, coalesce(u.description, ''::text) AS description, u.active AS active, u.value_type AS value_type, u.schema AS schema, u.schema_bytes AS schema_bytes, u.schema_content_type AS schema_content_type, u.layer AS layer, u.is_secret AS is_secret, coalesce(u.actor, ''::text) AS actor, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
    FROM unnest(
      p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_key,
      p_value,
      p_value_bytes,
      p_value_content_type,
      p_type,
      p_description,
      p_active,
      p_value_type,
      p_schema,
      p_schema_bytes,
      p_schema_content_type,
      p_layer,
      p_is_secret,
      p_actor,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, key, value, value_bytes, value_content_type, type, description, active, value_type, schema, schema_bytes, schema_content_type, layer, is_secret, actor, metadata, metadata_bytes, metadata_content_type
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'configuration', u.id, u.revision, u.change,
      u.session_id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      CASE WHEN u.metadata IS NULL AND u.metadata_bytes IS NULL AND u.metadata_content_type IS NULL THEN (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.key, u.value, u.value_bytes, u.value_content_type, u.type, u.description, u.active, u.value_type, u.schema, u.schema_bytes, u.schema_content_type, u.layer, u.is_secret, u.actor, u.position, u.create_time, u.update_time) AS s) ELSE (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.key, u.value, u.value_bytes, u.value_content_type, u.type, u.description, u.active, u.value_type, u.schema, u.schema_bytes, u.schema_content_type, u.layer, u.is_secret, u.actor, u.metadata, u.metadata_bytes, u.metadata_content_type, u.position, u.create_time, u.update_time) AS s) END
    FROM u
  )
  INSERT INTO holdfast.configurations (tenant_id, position, create_time, update_time, id, external_id, session_id, agent_id, labels, revision, delete_time, key, value, value_bytes, value_content_type, type, description, active, value_type, schema, schema_bytes, schema_content_type, layer, is_secret, actor, metadata, metadata_bytes, metadata_content_type)
  SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.key, u.value, u.value_bytes, u.value_content_type, u.type, u.description, u.active, u.value_type, u.schema, u.schema_bytes, u.schema_content_type, u.layer, u.is_secret, u.actor, u.metadata, u.metadata_bytes, u.metadata_content_type
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.key, ''::text) AS key, u.value AS value, u.value_bytes AS value_bytes, u.value_content_type AS value_content_type, coalesce(u.type, ''::text) AS type, coalesce(u.description, ''::text) AS description, u.active AS active, u.value_type AS value_type, u.schema AS schema, u.schema_bytes AS schema_bytes, u.schema_content_type AS schema_content_type, u.layer AS layer, u.is_secret AS is_secret, coalesce(u.actor, ''::text) AS actor, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
      FROM unnest(
        p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_key,
      p_value,
      p_value_bytes,
      p_value_content_type,
      p_type,
      p_description,
      p_active,
      p_value_type,
      p_schema,
      p_schema_bytes,
      p_schema_content_type,
      p_layer,
      p_is_secret,
      p_actor,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
      ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, key, value, value_bytes, value_content_type, type, description, active, value_type, schema, schema_bytes, schema_content_type, layer, is_secret, actor, metadata, metadata_bytes, metadata_content_type
    )
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.configurations t SET update_time = p_commit_time, position = v.position, external_id = v.external_id, session_id = v.session_id, agent_id = v.agent_id, labels = v.labels, revision = v.revision, delete_time = v.delete_time, key = v.key, value = v.value, value_bytes = v.value_bytes, value_content_type = v.value_content_type, type = v.type, description = v.description, active = v.active, value_type = v.value_type, schema = v.schema, schema_bytes = v.schema_bytes, schema_content_type = v.schema_content_type, layer = v.layer, is_secret = v.is_secret, actor = v.actor, metadata = v.metadata, metadata_bytes = v.metadata_bytes, metadata_content_type = v.metadata_content_type
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_configurations(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],json[],bytea[],text[],text[],text[],boolean[],text[],json[],bytea[],text[],text[],boolean[],text[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_configurations(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],json[],bytea[],text[],text[],text[],boolean[],text[],json[],bytea[],text[],text[],boolean[],text[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_cross_session_patterns(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_type text[], p_description text[], p_data json[], p_data_bytes bytea[], p_data_content_type text[], p_confidence double precision[], p_usage_count bigint[], p_success_rate double precision[], p_last_used_time timestamp with time zone[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, coalesce(u.description, ''::text) AS description, u.data AS data, u.data_bytes AS data_bytes, u.data_content_type AS data_content_type, u.confidence AS confidence, u.usage_count AS usage_count, u.success_rate AS success_rate, u.last_used_time AS last_used_time, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
    FROM unnest(
      p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_description,
      p_data,
      p_data_bytes,
      p_data_content_type,
      p_confidence,
      p_usage_count,
      p_success_rate,
      p_last_used_time,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, description, data, data_bytes, data_content_type, confidence, usage_count, success_rate, last_used_time, metadata, metadata_bytes, metadata_content_type
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'cross_session_pattern', u.id, u.revision, u.change,
      u.session_id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      CASE WHEN u.metadata IS NULL AND u.metadata_bytes IS NULL AND u.metadata_content_type IS NULL THEN (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.description, u.data, u.data_bytes, u.data_content_type, u.confidence, u.usage_count, u.success_rate, u.last_used_time, u.position, u.create_time, u.update_time) AS s) ELSE (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.description, u.data, u.data_bytes, u.data_content_type, u.confidence, u.usage_count, u.success_rate, u.last_used_time, u.metadata, u.metadata_bytes, u.metadata_content_type, u.position, u.create_time, u.update_time) AS s) END
    FROM u
  )
  INSERT INTO holdfast.cross_session_patterns (tenant_id, position, create_time, update_time, id, external_id, session_id, agent_id, labels, revision, delete_time, type, description, data, data_bytes, data_content_type, confidence, usage_count, success_rate, last_used_time, metadata, metadata_bytes, metadata_content_type)
  SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.description, u.data, u.data_bytes, u.data_content_type, u.confidence, u.usage_count, u.success_rate, u.last_used_time, u.metadata, u.metadata_bytes, u.metadata_content_type
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, coalesce(u.description, ''::text) AS description, u.data AS data, u.data_bytes AS data_bytes, u.data_content_type AS data_content_type, u.confidence AS confidence, u.usage_count AS usage_count, u.success_rate AS success_rate, u.last_used_time AS last_used_time, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
      FROM unnest(
        p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_description,
      p_data,
      p_data_bytes,
      p_data_content_type,
      p_confidence,
      p_usage_count,
      p_success_rate,
      p_last_used_time,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
      ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, description, data, data_bytes, data_content_type, confidence, usage_count, success_rate, last_used_time, metadata, metadata_bytes, metadata_content_type
    )
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.cross_session_patterns t SET update_time = p_commit_time, position = v.position, external_id = v.external_id, session_id = v.session_id, agent_id = v.agent_id, labels = v.labels, revision = v.revision, delete_time = v.delete_time, type = v.type, description = v.description, data = v.data, data_bytes = v.data_bytes, data_content_type = v.data_content_type, confidence = v.confidence, usage_count = v.usage_count, success_rate = v.success_rate, last_used_time = v.last_used_time, metadata = v.metadata, metadata_bytes = v.metadata_bytes, metadata_content_type = v.metadata_content_type
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_cross_session_patterns(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],json[],bytea[],text[],double precision[],bigint[],double precision[],timestamp with time zone[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_cross_session_patterns(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],json[],bytea[],text[],double precision[],bigint[],double precision[],timestamp with time zone[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_decisions(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_type text[], p_context json[], p_context_bytes bytea[], p_context_content_type text[], p_alternatives json[], p_alternatives_bytes bytea[], p_alternatives_content_type text[], p_reasoning text[], p_confidence double precision[], p_action_taken text[], p_action_id uuid[], p_observation_id uuid[], p_goal_id uuid[], p_outcome text[], p_duration_ms double precision[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  INSERT INTO holdfast.decisions (
    tenant_id, position, create_time, content_hash,
    id,
    external_id,
    session_id,
    agent_id,
    labels,
    type,
    context,
    context_bytes,
    context_content_type,
    alternatives,
    alternatives_bytes,
    alternatives_content_type,
    reasoning,
    confidence,
    action_taken,
    action_id,
    observation_id,
    goal_id,
    outcome,
    duration_ms,
    metadata,
    metadata_bytes,
    metadata_content_type
  )
  SELECT p_tenant, p_first_position + u.position_offset, p_commit_time, u.content_hash,
    u.id,
    u.external_id,
    u.session_id,
    u.agent_id,
    coalesce(u.labels, '{}'::jsonb),
    coalesce(u.type, ''::text),
    u.context,
    u.context_bytes,
    u.context_content_type,
    u.alternatives,
    u.alternatives_bytes,
    u.alternatives_content_type,
    coalesce(u.reasoning, ''::text),
    u.confidence,
    coalesce(u.action_taken, ''::text),
    u.action_id,
    u.observation_id,
    u.goal_id,
    coalesce(u.outcome, ''::text),
    u.duration_ms,
    u.metadata,
    u.metadata_bytes,
    u.metadata_content_type
  FROM unnest(
    p_position_offset, p_content_hash,
    p_id,
    p_external_id,
    p_session_id,
    p_agent_id,
    p_labels,
    p_type,
    p_context,
    p_context_bytes,
    p_context_content_type,
    p_alternatives,
    p_alternatives_bytes,
    p_alternatives_content_type,
    p_reasoning,
    p_confidence,
    p_action_taken,
    p_action_id,
    p_observation_id,
    p_goal_id,
    p_outcome,
    p_duration_ms,
    p_metadata,
    p_metadata_bytes,
    p_metadata_content_type
  ) AS u (position_offset, content_hash, id, external_id, session_id, agent_id, labels, type, context, context_bytes, context_content_type, alternatives, alternatives_bytes, alternatives_content_type, reasoning, confidence, action_taken, action_id, observation_id, goal_id, outcome, duration_ms, metadata, metadata_bytes, metadata_content_type);
END $function$;
ALTER FUNCTION holdfast.put_decisions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],json[],bytea[],text[],json[],bytea[],text[],text[],double precision[],text[],uuid[],uuid[],uuid[],text[],double precision[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_decisions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],json[],bytea[],text[],json[],bytea[],text[],text[],double precision[],text[],uuid[],uuid[],uuid[],text[],double precision[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_goals(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_title text[], p_description text[], p_status text[], p_priority double precision[], p_progress double precision[], p_parent_goal_id uuid[], p_depends_on jsonb[], p_constraints json[], p_constraints_bytes bytea[], p_constraints_content_type text[], p_target_time timestamp with time zone[], p_complete_time timestamp with time zone[], p_created_by text[], p_progress_is_set boolean[], p_lease_holder text[], p_lease_expire_time timestamp with time zone[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.title, ''::text) AS title, coalesce(u.description, ''::text) AS description, u.status AS status, u.priority AS priority, u.progress AS progress, u.parent_goal_id AS parent_goal_id, coalesce(u.depends_on, '[]'::jsonb) AS depends_on, u.constraints AS constraints, u.constraints_bytes AS constraints_bytes, u.constraints_content_type AS constraints_content_type, u.target_time AS target_time, u.complete_time AS complete_time, coalesce(u.created_by, ''::text) AS created_by, u.progress_is_set AS progress_is_set, coalesce(u.lease_holder, ''::text) AS lease_holder, u.lease_expire_time AS lease_expire_time, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
    FROM unnest(
      p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_title,
      p_description,
      p_status,
      p_priority,
      p_progress,
      p_parent_goal_id,
      p_depends_on,
      p_constraints,
      p_constraints_bytes,
      p_constraints_content_type,
      p_target_time,
      p_complete_time,
      p_created_by,
      p_progress_is_set,
      p_lease_holder,
      p_lease_expire_time,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, title, description, status, priority, progress, parent_goal_id, depends_on, constraints, constraints_bytes, constraints_content_type, target_time, complete_time, created_by, progress_is_set, lease_holder, lease_expire_time, metadata, metadata_bytes, metadata_content_type
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'goal', u.id, u.revision, u.change,
      u.session_id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      CASE WHEN u.metadata IS NULL AND u.metadata_bytes IS NULL AND u.metadata_content_type IS NULL THEN (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.title, u.description, u.status, u.priority, u.progress, u.parent_goal_id, u.depends_on, u.constraints, u.constraints_bytes, u.constraints_content_type, u.target_time, u.complete_time, u.created_by, u.progress_is_set, u.lease_holder, u.lease_expire_time, u.position, u.create_time, u.update_time) AS s) ELSE (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.title, u.description, u.status, u.priority, u.progress, u.parent_goal_id, u.depends_on, u.constraints, u.constraints_bytes, u.constraints_content_type, u.target_time, u.complete_time, u.created_by, u.progress_is_set, u.lease_holder, u.lease_expire_time, u.metadata, u.metadata_bytes, u.metadata_content_type, u.position, u.create_time, u.update_time) AS s) END
    FROM u
  )
  INSERT INTO holdfast.goals (tenant_id, position, create_time, update_time, id, external_id, session_id, agent_id, labels, revision, delete_time, title, description, status, priority, progress, parent_goal_id, depends_on, constraints, constraints_bytes, constraints_content_type, target_time, complete_time, created_by, progress_is_set, lease_holder, lease_expire_time, metadata, metadata_bytes, metadata_content_type)
  SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.title, u.description, u.status, u.priority, u.progress, u.parent_goal_id, u.depends_on, u.constraints, u.constraints_bytes, u.constraints_content_type, u.target_time, u.complete_time, u.created_by, u.progress_is_set, u.lease_holder, u.lease_expire_time, u.metadata, u.metadata_bytes, u.metadata_content_type
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.title, ''::text) AS title, coalesce(u.description, ''::text) AS description, u.status AS status, u.priority AS priority, u.progress AS progress, u.parent_goal_id AS parent_goal_id, coalesce(u.depends_on, '[]'::jsonb) AS depends_on, u.constraints AS constraints, u.constraints_bytes AS constraints_bytes, u.constraints_content_type AS constraints_content_type, u.target_time AS target_time, u.complete_time AS complete_time, coalesce(u.created_by, ''::text) AS created_by, u.progress_is_set AS progress_is_set, coalesce(u.lease_holder, ''::text) AS lease_holder, u.lease_expire_time AS lease_expire_time, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
      FROM unnest(
        p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_title,
      p_description,
      p_status,
      p_priority,
      p_progress,
      p_parent_goal_id,
      p_depends_on,
      p_constraints,
      p_constraints_bytes,
      p_constraints_content_type,
      p_target_time,
      p_complete_time,
      p_created_by,
      p_progress_is_set,
      p_lease_holder,
      p_lease_expire_time,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
      ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, title, description, status, priority, progress, parent_goal_id, depends_on, constraints, constraints_bytes, constraints_content_type, target_time, complete_time, created_by, progress_is_set, lease_holder, lease_expire_time, metadata, metadata_bytes, metadata_content_type
    )
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.goals t SET update_time = p_commit_time, position = v.position, external_id = v.external_id, session_id = v.session_id, agent_id = v.agent_id, labels = v.labels, revision = v.revision, delete_time = v.delete_time, title = v.title, description = v.description, status = v.status, priority = v.priority, progress = v.progress, parent_goal_id = v.parent_goal_id, depends_on = v.depends_on, constraints = v.constraints, constraints_bytes = v.constraints_bytes, constraints_content_type = v.constraints_content_type, target_time = v.target_time, complete_time = v.complete_time, created_by = v.created_by, progress_is_set = v.progress_is_set, lease_holder = v.lease_holder, lease_expire_time = v.lease_expire_time, metadata = v.metadata, metadata_bytes = v.metadata_bytes, metadata_content_type = v.metadata_content_type
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_goals(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],text[],double precision[],double precision[],uuid[],jsonb[],json[],bytea[],text[],timestamp with time zone[],timestamp with time zone[],text[],boolean[],text[],timestamp with time zone[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_goals(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],text[],double precision[],double precision[],uuid[],jsonb[],json[],bytea[],text[],timestamp with time zone[],timestamp with time zone[],text[],boolean[],text[],timestamp with time zone[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_learning_systems(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_type text[], p_strategies json[], p_strategies_bytes bytea[], p_strategies_content_type text[], p_strategy_scores jsonb[], p_strategy_counts jsonb[], p_pattern_library json[], p_pattern_library_bytes bytea[], p_pattern_library_content_type text[], p_total_episodes bigint[], p_history json[], p_history_bytes bytea[], p_history_content_type text[], p_best_strategies jsonb[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, u.strategies AS strategies, u.strategies_bytes AS strategies_bytes, u.strategies_content_type AS strategies_content_type, coalesce(u.strategy_scores, '{}'::jsonb) AS strategy_scores, coalesce(u.strategy_counts, '{}'::jsonb) AS strategy_counts, u.pattern_library AS pattern_library, u.pattern_library_bytes AS pattern_library_bytes, u.pattern_library_content_type AS pattern_library_content_type, u.total_episodes AS total_episodes, u.history AS history, u.history_bytes AS history_bytes, u.history_content_type AS history_content_type, coalesce(u.best_strategies, '[]'::jsonb) AS best_strategies, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
    FROM unnest(
      p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_strategies,
      p_strategies_bytes,
      p_strategies_content_type,
      p_strategy_scores,
      p_strategy_counts,
      p_pattern_library,
      p_pattern_library_bytes,
      p_pattern_library_content_type,
      p_total_episodes,
      p_history,
      p_history_bytes,
      p_history_content_type,
      p_best_strategies,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, strategies, strategies_bytes, strategies_content_type, strategy_scores, strategy_counts, pattern_library, pattern_library_bytes, pattern_library_content_type, total_episodes, history, history_bytes, history_content_type, best_strategies, metadata, metadata_bytes, metadata_content_type
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'learning_system', u.id, u.revision, u.change,
      u.session_id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      CASE WHEN u.metadata IS NULL AND u.metadata_bytes IS NULL AND u.metadata_content_type IS NULL THEN (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.strategies, u.strategies_bytes, u.strategies_content_type, u.strategy_scores, u.strategy_counts, u.pattern_library, u.pattern_library_bytes, u.pattern_library_content_type, u.total_episodes, u.history, u.history_bytes, u.history_content_type, u.best_strategies, u.position, u.create_time, u.update_time) AS s) ELSE (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.strategies, u.strategies_bytes, u.strategies_content_type, u.strategy_scores, u.strategy_counts, u.pattern_library, u.pattern_library_bytes, u.pattern_library_content_type, u.total_episodes, u.history, u.history_bytes, u.history_content_type, u.best_strategies, u.metadata, u.metadata_bytes, u.metadata_content_type, u.position, u.create_time, u.update_time) AS s) END
    FROM u
  )
  INSERT INTO holdfast.learning_systems (tenant_id, position, create_time, update_time, id, external_id, session_id, agent_id, labels, revision, delete_time, type, strategies, strategies_bytes, strategies_content_type, strategy_scores, strategy_counts, pattern_library, pattern_library_bytes, pattern_library_content_type, total_episodes, history, history_bytes, history_content_type, best_strategies, metadata, metadata_bytes, metadata_content_type)
  SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.strategies, u.strategies_bytes, u.strategies_content_type, u.strategy_scores, u.strategy_counts, u.pattern_library, u.pattern_library_bytes, u.pattern_library_content_type, u.total_episodes, u.history, u.history_bytes, u.history_content_type, u.best_strategies, u.metadata, u.metadata_bytes, u.metadata_content_type
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, u.strategies AS strategies, u.strategies_bytes AS strategies_bytes, u.strategies_content_type AS strategies_content_type, coalesce(u.strategy_scores, '{}'::jsonb) AS strategy_scores, coalesce(u.strategy_counts, '{}'::jsonb) AS strategy_counts, u.pattern_library AS pattern_library, u.pattern_library_bytes AS pattern_library_bytes, u.pattern_library_content_type AS pattern_library_content_type, u.total_episodes AS total_episodes, u.history AS history, u.history_bytes AS history_bytes, u.history_content_type AS history_content_type, coalesce(u.best_strategies, '[]'::jsonb) AS best_strategies, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
      FROM unnest(
        p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_strategies,
      p_strategies_bytes,
      p_strategies_content_type,
      p_strategy_scores,
      p_strategy_counts,
      p_pattern_library,
      p_pattern_library_bytes,
      p_pattern_library_content_type,
      p_total_episodes,
      p_history,
      p_history_bytes,
      p_history_content_type,
      p_best_strategies,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
      ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, strategies, strategies_bytes, strategies_content_type, strategy_scores, strategy_counts, pattern_library, pattern_library_bytes, pattern_library_content_type, total_episodes, history, history_bytes, history_content_type, best_strategies, metadata, metadata_bytes, metadata_content_type
    )
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.learning_systems t SET update_time = p_commit_time, position = v.position, external_id = v.external_id, session_id = v.session_id, agent_id = v.agent_id, labels = v.labels, revision = v.revision, delete_time = v.delete_time, type = v.type, strategies = v.strategies, strategies_bytes = v.strategies_bytes, strategies_content_type = v.strategies_content_type, strategy_scores = v.strategy_scores, strategy_counts = v.strategy_counts, pattern_library = v.pattern_library, pattern_library_bytes = v.pattern_library_bytes, pattern_library_content_type = v.pattern_library_content_type, total_episodes = v.total_episodes, history = v.history, history_bytes = v.history_bytes, history_content_type = v.history_content_type, best_strategies = v.best_strategies, metadata = v.metadata, metadata_bytes = v.metadata_bytes, metadata_content_type = v.metadata_content_type
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_learning_systems(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],json[],bytea[],text[],jsonb[],jsonb[],json[],bytea[],text[],bigint[],json[],bytea[],text[],jsonb[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_learning_systems(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],json[],bytea[],text[],jsonb[],jsonb[],json[],bytea[],text[],bigint[],json[],bytea[],text[],jsonb[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_memories(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_type text[], p_content text[], p_goal_id uuid[], p_action json[], p_action_bytes bytea[], p_action_content_type text[], p_observation json[], p_observation_bytes bytea[], p_observation_content_type text[], p_context json[], p_context_bytes bytea[], p_context_content_type text[], p_success_score double precision[], p_importance double precision[], p_tags jsonb[], p_embedding text[], p_embedding_model text[], p_expire_time timestamp with time zone[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, u.type AS type, coalesce(u.content, ''::text) AS content, u.goal_id AS goal_id, u.action AS action, u.action_bytes AS action_bytes, u.action_content_type AS action_content_type, u.observation AS observation, u.observation_bytes AS observation_bytes, u.observation_content_type AS observation_content_type, u.context AS context, u.context_bytes AS context_bytes, u.context_content_type AS context_content_type, u.success_score AS success_score, u.importance AS importance, coalesce(u.tags, '[]'::jsonb) AS tags, u.embedding::real[] AS embedding, coalesce(u.embedding_model, ''::text) AS embedding_model, u.expire_time AS expire_time, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
    FROM unnest(
      p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_content,
      p_goal_id,
      p_action,
      p_action_bytes,
      p_action_content_type,
      p_observation,
      p_observation_bytes,
      p_observation_content_type,
      p_context,
      p_context_bytes,
      p_context_content_type,
      p_success_score,
      p_importance,
      p_tags,
      p_embedding,
      p_embedding_model,
      p_expire_time,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, content, goal_id, action, action_bytes, action_content_type, observation, observation_bytes, observation_content_type, context, context_bytes, context_content_type, success_score, importance, tags, embedding, embedding_model, expire_time, metadata, metadata_bytes, metadata_content_type
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'memory', u.id, u.revision, u.change,
      u.session_id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      CASE WHEN u.metadata IS NULL AND u.metadata_bytes IS NULL AND u.metadata_content_type IS NULL THEN (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.content, u.goal_id, u.action, u.action_bytes, u.action_content_type, u.observation, u.observation_bytes, u.observation_content_type, u.context, u.context_bytes, u.context_content_type, u.success_score, u.importance, u.tags, u.embedding, u.embedding_model, u.expire_time, u.position, u.create_time, u.update_time) AS s) ELSE (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.content, u.goal_id, u.action, u.action_bytes, u.action_content_type, u.observation, u.observation_bytes, u.observation_content_type, u.context, u.context_bytes, u.context_content_type, u.success_score, u.importance, u.tags, u.embedding, u.embedding_model, u.expire_time, u.metadata, u.metadata_bytes, u.metadata_content_type, u.position, u.create_time, u.update_time) AS s) END
    FROM u
  )
  INSERT INTO holdfast.memories (tenant_id, position, create_time, update_time, id, external_id, session_id, agent_id, labels, revision, delete_time, type, content, goal_id, action, action_bytes, action_content_type, observation, observation_bytes, observation_content_type, context, context_bytes, context_content_type, success_score, importance, tags, embedding, embedding_model, expire_time, metadata, metadata_bytes, metadata_content_type)
  SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.content, u.goal_id, u.action, u.action_bytes, u.action_content_type, u.observation, u.observation_bytes, u.observation_content_type, u.context, u.context_bytes, u.context_content_type, u.success_score, u.importance, u.tags, u.embedding, u.embedding_model, u.expire_time, u.metadata, u.metadata_bytes, u.metadata_content_type
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, u.type AS type, coalesce(u.content, ''::text) AS content, u.goal_id AS goal_id, u.action AS action, u.action_bytes AS action_bytes, u.action_content_type AS action_content_type, u.observation AS observation, u.observation_bytes AS observation_bytes, u.observation_content_type AS observation_content_type, u.context AS context, u.context_bytes AS context_bytes, u.context_content_type AS context_content_type, u.success_score AS success_score, u.importance AS importance, coalesce(u.tags, '[]'::jsonb) AS tags, u.embedding::real[] AS embedding, coalesce(u.embedding_model, ''::text) AS embedding_model, u.expire_time AS expire_time, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
      FROM unnest(
        p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_session_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_content,
      p_goal_id,
      p_action,
      p_action_bytes,
      p_action_content_type,
      p_observation,
      p_observation_bytes,
      p_observation_content_type,
      p_context,
      p_context_bytes,
      p_context_content_type,
      p_success_score,
      p_importance,
      p_tags,
      p_embedding,
      p_embedding_model,
      p_expire_time,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
      ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, content, goal_id, action, action_bytes, action_content_type, observation, observation_bytes, observation_content_type, context, context_bytes, context_content_type, success_score, importance, tags, embedding, embedding_model, expire_time, metadata, metadata_bytes, metadata_content_type
    )
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.memories t SET update_time = p_commit_time, position = v.position, external_id = v.external_id, session_id = v.session_id, agent_id = v.agent_id, labels = v.labels, revision = v.revision, delete_time = v.delete_time, type = v.type, content = v.content, goal_id = v.goal_id, action = v.action, action_bytes = v.action_bytes, action_content_type = v.action_content_type, observation = v.observation, observation_bytes = v.observation_bytes, observation_content_type = v.observation_content_type, context = v.context, context_bytes = v.context_bytes, context_content_type = v.context_content_type, success_score = v.success_score, importance = v.importance, tags = v.tags, embedding = v.embedding, embedding_model = v.embedding_model, expire_time = v.expire_time, metadata = v.metadata, metadata_bytes = v.metadata_bytes, metadata_content_type = v.metadata_content_type
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = 'HF002';
  END IF;
  PERFORM holdfast.learn_memory_words(p_tenant, p_id);
  IF array_remove(p_embedding, NULL) <> '{}' THEN PERFORM holdfast.keep_memory_vectors(p_tenant, p_id); END IF;
END $function$;
ALTER FUNCTION holdfast.put_memories(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],uuid[],json[],bytea[],text[],json[],bytea[],text[],json[],bytea[],text[],double precision[],double precision[],jsonb[],text[],text[],timestamp with time zone[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_memories(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],uuid[],json[],bytea[],text[],json[],bytea[],text[],json[],bytea[],text[],double precision[],double precision[],jsonb[],text[],text[],timestamp with time zone[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_observations(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_type text[], p_content text[], p_data json[], p_data_bytes bytea[], p_data_content_type text[], p_success boolean[], p_action_id uuid[], p_goal_id uuid[], p_feedback text[], p_metrics jsonb[], p_occur_time timestamp with time zone[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  INSERT INTO holdfast.observations (
    tenant_id, position, create_time, content_hash,
    id,
    external_id,
    session_id,
    agent_id,
    labels,
    type,
    content,
    data,
    data_bytes,
    data_content_type,
    success,
    action_id,
    goal_id,
    feedback,
    metrics,
    occur_time
  )
  SELECT p_tenant, p_first_position + u.position_offset, p_commit_time, u.content_hash,
    u.id,
    u.external_id,
    u.session_id,
    u.agent_id,
    coalesce(u.labels, '{}'::jsonb),
    coalesce(u.type, ''::text),
    coalesce(u.content, ''::text),
    u.data,
    u.data_bytes,
    u.data_content_type,
    u.success,
    u.action_id,
    u.goal_id,
    coalesce(u.feedback, ''::text),
    coalesce(u.metrics, '{}'::jsonb),
    u.occur_time
  FROM unnest(
    p_position_offset, p_content_hash,
    p_id,
    p_external_id,
    p_session_id,
    p_agent_id,
    p_labels,
    p_type,
    p_content,
    p_data,
    p_data_bytes,
    p_data_content_type,
    p_success,
    p_action_id,
    p_goal_id,
    p_feedback,
    p_metrics,
    p_occur_time
  ) AS u (position_offset, content_hash, id, external_id, session_id, agent_id, labels, type, content, data, data_bytes, data_content_type, success, action_id, goal_id, feedback, metrics, occur_time);
END $function$;
ALTER FUNCTION holdfast.put_observations(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],text[],json[],bytea[],text[],boolean[],uuid[],uuid[],text[],jsonb[],timestamp with time zone[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_observations(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],text[],json[],bytea[],text[],boolean[],uuid[],uuid[],text[],jsonb[],timestamp with time zone[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_performance_metrics(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_name text[], p_value double precision[], p_unit text[], p_component text[], p_tags jsonb[], p_time timestamp with time zone[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  INSERT INTO holdfast.performance_metrics (
    tenant_id, position, create_time, content_hash,
    id,
    external_id,
    session_id,
    agent_id,
    labels,
    name,
    value,
    unit,
    component,
    tags,
    time,
    metadata,
    metadata_bytes,
    metadata_content_type
  )
  SELECT p_tenant, p_first_position + u.position_offset, p_commit_time, u.content_hash,
    u.id,
    u.external_id,
    u.session_id,
    u.agent_id,
    coalesce(u.labels, '{}'::jsonb),
    coalesce(u.name, ''::text),
    u.value,
    coalesce(u.unit, ''::text),
    coalesce(u.component, ''::text),
    coalesce(u.tags, '{}'::jsonb),
    u.time,
    u.metadata,
    u.metadata_bytes,
    u.metadata_content_type
  FROM unnest(
    p_position_offset, p_content_hash,
    p_id,
    p_external_id,
    p_session_id,
    p_agent_id,
    p_labels,
    p_name,
    p_value,
    p_unit,
    p_component,
    p_tags,
    p_time,
    p_metadata,
    p_metadata_bytes,
    p_metadata_content_type
  ) AS u (position_offset, content_hash, id, external_id, session_id, agent_id, labels, name, value, unit, component, tags, time, metadata, metadata_bytes, metadata_content_type);
END $function$;
ALTER FUNCTION holdfast.put_performance_metrics(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],double precision[],text[],text[],jsonb[],timestamp with time zone[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_performance_metrics(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],double precision[],text[],text[],jsonb[],timestamp with time zone[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_security_audits(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_operation text[], p_actor text[], p_target text[], p_valid boolean[], p_level text[], p_message text[], p_suggestions jsonb[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[], p_by_holdfast boolean[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  INSERT INTO holdfast.security_audits (
    tenant_id, position, create_time, content_hash,
    id,
    external_id,
    session_id,
    agent_id,
    labels,
    operation,
    actor,
    target,
    valid,
    level,
    message,
    suggestions,
    metadata,
    metadata_bytes,
    metadata_content_type,
    by_holdfast
  )
  SELECT p_tenant, p_first_position + u.position_offset, p_commit_time, u.content_hash,
    u.id,
    u.external_id,
    u.session_id,
    u.agent_id,
    coalesce(u.labels, '{}'::jsonb),
    coalesce(u.operation, ''::text),
    coalesce(u.actor, ''::text),
    coalesce(u.target, ''::text),
    u.valid,
    u.level,
    coalesce(u.message, ''::text),
    coalesce(u.suggestions, '[]'::jsonb),
    u.metadata,
    u.metadata_bytes,
    u.metadata_content_type,
    u.by_holdfast
  FROM unnest(
    p_position_offset, p_content_hash,
    p_id,
    p_external_id,
    p_session_id,
    p_agent_id,
    p_labels,
    p_operation,
    p_actor,
    p_target,
    p_valid,
    p_level,
    p_message,
    p_suggestions,
    p_metadata,
    p_metadata_bytes,
    p_metadata_content_type,
    p_by_holdfast
  ) AS u (position_offset, content_hash, id, external_id, session_id, agent_id, labels, operation, actor, target, valid, level, message, suggestions, metadata, metadata_bytes, metadata_content_type, by_holdfast);
END $function$;
ALTER FUNCTION holdfast.put_security_audits(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],text[],text[],boolean[],text[],text[],jsonb[],json[],bytea[],text[],boolean[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_security_audits(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],text[],text[],boolean[],text[],text[],jsonb[],json[],bytea[],text[],boolean[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.put_sessions(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_type text[], p_status text[], p_start_time timestamp with time zone[], p_end_time timestamp with time zone[], p_goals_total integer[], p_goals_completed integer[], p_success_rate double precision[], p_parent_session_id uuid[], p_fork_position bigint[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
DECLARE
  v record;
  v_missing bigint := 0;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.content_hash, u.request_id, u.request_hash, u.change, u.is_new, u.is_last,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, u.status AS status, u.start_time AS start_time, u.end_time AS end_time, u.goals_total AS goals_total, u.goals_completed AS goals_completed, u.success_rate AS success_rate, u.parent_session_id AS parent_session_id, u.fork_position AS fork_position, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
    FROM unnest(
      p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_status,
      p_start_time,
      p_end_time,
      p_goals_total,
      p_goals_completed,
      p_success_rate,
      p_parent_session_id,
      p_fork_position,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, agent_id, labels, revision, delete_time, type, status, start_time, end_time, goals_total, goals_completed, success_rate, parent_session_id, fork_position, metadata, metadata_bytes, metadata_content_type
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'session', u.id, u.revision, u.change,
      u.id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.status, u.start_time, u.end_time, u.goals_total, u.goals_completed, u.success_rate, u.parent_session_id, u.fork_position, u.metadata, u.metadata_bytes, u.metadata_content_type, u.position, u.create_time, u.update_time) AS s)
    FROM u
  )
  INSERT INTO holdfast.sessions (tenant_id, position, create_time, update_time, id, external_id, agent_id, labels, revision, delete_time, type, status, start_time, end_time, goals_total, goals_completed, success_rate, parent_session_id, fork_position, metadata, metadata_bytes, metadata_content_type)
  SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.status, u.start_time, u.end_time, u.goals_total, u.goals_completed, u.success_rate, u.parent_session_id, u.fork_position, u.metadata, u.metadata_bytes, u.metadata_content_type
  FROM u WHERE u.is_new AND u.is_last;

  IF false = ANY (p_is_new) THEN
    FOR v IN
      SELECT u.base_revision, p_first_position + u.position_offset AS position, u.id AS id, u.external_id AS external_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, u.status AS status, u.start_time AS start_time, u.end_time AS end_time, u.goals_total AS goals_total, u.goals_completed AS goals_completed, u.success_rate AS success_rate, u.parent_session_id AS parent_session_id, u.fork_position AS fork_position, u.metadata AS metadata, u.metadata_bytes AS metadata_bytes, u.metadata_content_type AS metadata_content_type
      FROM unnest(
        p_position_offset, p_content_hash, p_request_id, p_request_hash,
      p_change, p_is_new, p_is_last, p_base_revision, p_created,
      p_id,
      p_external_id,
      p_agent_id,
      p_labels,
      p_revision,
      p_delete_time,
      p_type,
      p_status,
      p_start_time,
      p_end_time,
      p_goals_total,
      p_goals_completed,
      p_success_rate,
      p_parent_session_id,
      p_fork_position,
      p_metadata,
      p_metadata_bytes,
      p_metadata_content_type
      ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, agent_id, labels, revision, delete_time, type, status, start_time, end_time, goals_total, goals_completed, success_rate, parent_session_id, fork_position, metadata, metadata_bytes, metadata_content_type
    )
      WHERE NOT u.is_new AND u.is_last
    LOOP
      UPDATE holdfast.sessions t SET update_time = p_commit_time, position = v.position, external_id = v.external_id, agent_id = v.agent_id, labels = v.labels, revision = v.revision, delete_time = v.delete_time, type = v.type, status = v.status, start_time = v.start_time, end_time = v.end_time, goals_total = v.goals_total, goals_completed = v.goals_completed, success_rate = v.success_rate, parent_session_id = v.parent_session_id, fork_position = v.fork_position, metadata = v.metadata, metadata_bytes = v.metadata_bytes, metadata_content_type = v.metadata_content_type
      WHERE t.tenant_id = p_tenant AND t.id = v.id AND t.revision = v.base_revision;
      IF NOT FOUND THEN v_missing := v_missing + 1; END IF;
    END LOOP;
  END IF;
  IF v_missing > 0 THEN
    RAISE EXCEPTION 'changed meanwhile: % rows', v_missing USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_sessions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],timestamp with time zone[],timestamp with time zone[],integer[],integer[],double precision[],uuid[],bigint[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_sessions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],timestamp with time zone[],timestamp with time zone[],integer[],integer[],double precision[],uuid[],bigint[],json[],bytea[],text[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.read_memory_vectors(p_length integer, p_model text, p_after uuid, p_limit integer, p_types text[], p_goals uuid[], p_sessions uuid[], p_agents text[], p_tags jsonb, p_labels jsonb, p_from timestamp with time zone, p_before timestamp with time zone)
 RETURNS TABLE(id uuid, vector bytea, importance double precision, success_score double precision, create_time timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
BEGIN
  RETURN QUERY SELECT m.id, v.vector, m.importance, m.success_score, m.create_time
  FROM holdfast.memory_vectors v JOIN holdfast.memories m ON m.tenant_id = v.tenant_id AND m.id = v.memory_id
  WHERE v.tenant_id = v_tenant AND (p_after IS NULL OR v.memory_id > p_after)
    AND octet_length(v.vector) = 4 * p_length AND m.embedding_model = p_model AND m.embedding IS NOT NULL
    AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before)
  ORDER BY v.memory_id LIMIT p_limit;
END $function$;
ALTER FUNCTION holdfast.read_memory_vectors(integer,text,uuid,integer,text[],uuid[],uuid[],text[],jsonb,jsonb,timestamp with time zone,timestamp with time zone) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.read_memory_vectors(integer,text,uuid,integer,text[],uuid[],uuid[],text[],jsonb,jsonb,timestamp with time zone,timestamp with time zone) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.save_import(p_tenant uuid, p_id uuid, p_status text, p_sources_hash bytea, p_start_position bigint, p_report json)
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;
  INSERT INTO holdfast.imports (
    tenant_id, id, status, sources_hash, start_position, create_time, update_time, report
  )
  VALUES (p_tenant, p_id, p_status, p_sources_hash, p_start_position, clock_timestamp(), clock_timestamp(), p_report)
  ON CONFLICT (tenant_id, id) DO UPDATE
  SET status = excluded.status, update_time = excluded.update_time, report = excluded.report;
END $function$;
ALTER FUNCTION holdfast.save_import(uuid,uuid,text,bytea,bigint,json) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.save_import(uuid,uuid,text,bytea,bigint,json) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.search_all_memory_texts(p_text text, p_limit integer)
 RETURNS TABLE(method text, id uuid, score double precision, importance double precision, success_score double precision, create_time timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_indexscan TO 'off'
 SET enable_bitmapscan TO 'on'
AS $function$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_prefix text := ('h' || left(md5((v_tenant)::text), 8));
  v_terms text[] := tsvector_to_array(array_to_tsvector(array_remove(array_remove(string_to_array(replace(' ' || CASE WHEN p_text ~ '[^ ]{61}'
    THEN regexp_replace(left(CASE WHEN octet_length(p_text) = char_length(p_text) THEN regexp_replace(lower(left(p_text, 32768)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F]+', ' ', 'g')
    WHEN p_text ~ '[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]' THEN regexp_replace(regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g'), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})', ' \1 ', 'g') || ' ' || regexp_replace(regexp_replace(regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g'), '(?<![\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])', ' \1 ', 'g'), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})', ' \1 ', 'g') ELSE regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g') END, 131072), '([^ ]{1,60})', ' \1', 'g') ELSE left(CASE WHEN octet_length(p_text) = char_length(p_text) THEN regexp_replace(lower(left(p_text, 32768)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F]+', ' ', 'g')
    WHEN p_text ~ '[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]' THEN regexp_replace(regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g'), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})', ' \1 ', 'g') || ' ' || regexp_replace(regexp_replace(regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g'), '(?<![\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])', ' \1 ', 'g'), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})', ' \1 ', 'g') ELSE regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g') END, 131072) END, ' ', ' ' || ('h' || left(md5((v_tenant)::text), 8))), ' '), ''), ('h' || left(md5((v_tenant)::text), 8)))));
  v_queries tsquery[];
  v_counts bigint[];
  v_sampled bigint[];
  v_weights double precision[];
  v_stored bigint;
  v_total bigint;
  v_query tsquery;
  v_rare tsquery;
  v_rarer tsquery;
  v_alike tsquery[] := '{}';
  v_likeness double precision[] := '{}';
  v_word text;
  v_count bigint;
  v_weight double precision;
  v_many integer;
  v_taken bigint;
BEGIN
  -- A lone character of an unspaced script says something only when nothing else is asked for.
  IF EXISTS (SELECT FROM unnest(v_terms) AS t WHERE char_length(t) > 10) THEN
    v_terms := ARRAY(SELECT t FROM unnest(v_terms) AS t WHERE t !~ '^.{9}[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]$');
  END IF;
  v_terms := ARRAY(SELECT t FROM unnest(v_terms) AS t ORDER BY char_length(t) DESC, t LIMIT 10);
  IF v_terms = '{}' THEN RETURN; END IF;
  v_queries := ARRAY(
    SELECT (format('''%s''', t) || CASE WHEN t ~ '^.{9}[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]$' THEN ':*' ELSE '' END)::tsquery
    FROM unnest(v_terms) WITH ORDINALITY AS u(t, n) ORDER BY n);

  SELECT l.created_counts[2] - l.deleted_counts[2] INTO v_stored
  FROM holdfast.tenant_logs l WHERE l.tenant_id = v_tenant;
  v_total := v_stored;
  v_many := greatest(12, ceil(sqrt(300.0 * v_stored) / 64));

  SELECT array_agg(c.count ORDER BY q.n), array_agg(c.sampled ORDER BY q.n),
    array_agg((CASE WHEN c.count > 150 THEN 0.1
      ELSE ln(1 + (greatest(v_total, c.count) - c.count + 0.5) / (c.count + 0.5)) END)
      * CASE WHEN q.word ~ '[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]' THEN 1 ELSE least(1, char_length(q.word) / 5.0) END ORDER BY q.n)
  INTO v_counts, v_sampled, v_weights
  FROM (
    SELECT query, n, substr(term, 10) AS word
    FROM unnest(v_queries, v_terms) WITH ORDINALITY AS u(query, term, n)
  ) AS q, LATERAL (
    SELECT s.count AS sampled, CASE WHEN s.count >= 12 THEN 151
      ELSE (SELECT count(*) FROM (SELECT FROM holdfast.memories m WHERE uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ q.query LIMIT 151) AS a) END AS count
    FROM (SELECT count(*) AS count FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ q.query LIMIT v_many) AS f OFFSET 0) AS s OFFSET 0) AS c;

  SELECT string_agg(r.query::text, ' | ')::tsquery INTO v_rare FROM (
    SELECT query, sum(count) OVER (ORDER BY count, n) AS taken
    FROM unnest(v_queries, v_counts) WITH ORDINALITY AS u(query, count, n) WHERE count BETWEEN 1 AND 150
  ) AS r WHERE r.taken <= 300;
  IF v_rare IS NOT NULL THEN
    v_query := v_rare;
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  ELSE
    IF 0 <> ALL (v_counts) THEN
      SELECT string_agg(q::text, ' & ')::tsquery, string_agg(q::text, ' & ') FILTER (WHERE sampled < v_many)::tsquery
      INTO v_query, v_rarer FROM unnest(v_queries, v_sampled) AS u(q, sampled);
      IF v_rarer IS NULL THEN
        
  IF (SELECT count(*) FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query LIMIT v_many) AS s) = v_many THEN
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'off', true);
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  ELSE
    PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  END IF;
      ELSE
        -- As a function, not @@, which would be looked up with the others.
        RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_rarer AND ts_match_vq(m.search_terms, v_query)
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
      END IF;
    END IF;
    IF v_query IS NULL OR NOT FOUND THEN
      SELECT string_agg(u.query::text, ' | ')::tsquery INTO v_query
      FROM unnest(v_queries, v_counts) AS u(query, count) WHERE count > 0;
      
  IF (SELECT count(*) FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query LIMIT v_many) AS s) = v_many THEN
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'off', true);
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  ELSE
    PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  END IF;
    END IF;
  END IF;

  PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
  FOR v_word, v_count IN
    SELECT substr(u.term, 10), u.count FROM unnest(v_terms, v_counts) WITH ORDINALITY AS u(term, count, n)
    WHERE u.count <= 5 AND char_length(u.term) >= 13
      AND substr(u.term, 10) !~ '[0-9\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]'
    ORDER BY u.n LIMIT 4
  LOOP
    v_taken := 0;
    -- Words outlive the memories that had them: only those that can be found take a place.
    FOR v_query, v_weight, v_count IN
      SELECT l.query, l.likeness, s.count FROM (
        SELECT format('''%s''', v_prefix || w.word)::tsquery AS query, w.likeness, w.n
        FROM holdfast.words_like(v_word, CASE WHEN v_count = 0 THEN 0.3 ELSE 0.5 END)
          WITH ORDINALITY AS w(word, likeness, n)
      ) AS l, LATERAL (SELECT count(*) AS count FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ l.query LIMIT 12) AS f OFFSET 0) AS s
      WHERE s.count > 0 OR EXISTS (SELECT FROM holdfast.memories m WHERE uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ l.query LIMIT 1)
      ORDER BY l.n LIMIT 5
    LOOP
      -- The likest first, until they have about as many as are ranked.
      EXIT WHEN v_taken >= 300;
      v_taken := v_taken + 64 * v_count;
      v_alike := v_alike || v_query;
      v_likeness := v_likeness || v_weight;
    END LOOP;
  END LOOP;
  SELECT string_agg(q::text, ' | ')::tsquery INTO v_query FROM unnest(v_alike) AS q;
  IF v_query IS NOT NULL THEN
    
  IF (SELECT count(*) FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query LIMIT v_many) AS s) = v_many THEN
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'off', true);
    RETURN QUERY SELECT 'TRIGRAM', c.id, (CASE WHEN c.search_terms @@ v_alike[1] THEN v_likeness[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[2] THEN v_likeness[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[3] THEN v_likeness[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[4] THEN v_likeness[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[5] THEN v_likeness[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[6] THEN v_likeness[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[7] THEN v_likeness[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[8] THEN v_likeness[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[9] THEN v_likeness[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[10] THEN v_likeness[10] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[11] THEN v_likeness[11] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[12] THEN v_likeness[12] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[13] THEN v_likeness[13] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[14] THEN v_likeness[14] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[15] THEN v_likeness[15] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[16] THEN v_likeness[16] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[17] THEN v_likeness[17] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[18] THEN v_likeness[18] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[19] THEN v_likeness[19] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[20] THEN v_likeness[20] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  ELSE
    PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
    RETURN QUERY SELECT 'TRIGRAM', c.id, (CASE WHEN c.search_terms @@ v_alike[1] THEN v_likeness[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[2] THEN v_likeness[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[3] THEN v_likeness[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[4] THEN v_likeness[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[5] THEN v_likeness[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[6] THEN v_likeness[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[7] THEN v_likeness[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[8] THEN v_likeness[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[9] THEN v_likeness[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[10] THEN v_likeness[10] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[11] THEN v_likeness[11] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[12] THEN v_likeness[12] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[13] THEN v_likeness[13] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[14] THEN v_likeness[14] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[15] THEN v_likeness[15] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[16] THEN v_likeness[16] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[17] THEN v_likeness[17] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[18] THEN v_likeness[18] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[19] THEN v_likeness[19] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[20] THEN v_likeness[20] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND uuid_eq(m.tenant_id, v_tenant) AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now()) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  END IF;
  END IF;
END $function$;
ALTER FUNCTION holdfast.search_all_memory_texts(text,integer) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.search_all_memory_texts(text,integer) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.search_memory_texts(p_text text, p_limit integer, p_types text[], p_goals uuid[], p_sessions uuid[], p_agents text[], p_tags jsonb, p_labels jsonb, p_from timestamp with time zone, p_before timestamp with time zone)
 RETURNS TABLE(method text, id uuid, score double precision, importance double precision, success_score double precision, create_time timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
 SET enable_indexscan TO 'off'
 SET enable_bitmapscan TO 'on'
AS $function$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_prefix text := ('h' || left(md5((v_tenant)::text), 8));
  v_terms text[] := tsvector_to_array(array_to_tsvector(array_remove(array_remove(string_to_array(replace(' ' || CASE WHEN p_text ~ '[^ ]{61}'
    THEN regexp_replace(left(CASE WHEN octet_length(p_text) = char_length(p_text) THEN regexp_replace(lower(left(p_text, 32768)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F]+', ' ', 'g')
    WHEN p_text ~ '[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]' THEN regexp_replace(regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g'), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})', ' \1 ', 'g') || ' ' || regexp_replace(regexp_replace(regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g'), '(?<![\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])', ' \1 ', 'g'), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})', ' \1 ', 'g') ELSE regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g') END, 131072), '([^ ]{1,60})', ' \1', 'g') ELSE left(CASE WHEN octet_length(p_text) = char_length(p_text) THEN regexp_replace(lower(left(p_text, 32768)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F]+', ' ', 'g')
    WHEN p_text ~ '[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]' THEN regexp_replace(regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g'), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})', ' \1 ', 'g') || ' ' || regexp_replace(regexp_replace(regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g'), '(?<![\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF])', ' \1 ', 'g'), '([\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]{1,2})', ' \1 ', 'g') ELSE regexp_replace(lower(normalize(left(p_text, 32768), NFKC)), '[\u0001-\u001F\u0021-\u002F\u003A-\u0040\u005B-\u0060\u007B-\u007F\u0080-\u00A9\u00AB-\u00B4\u00B6-\u00B9\u00BB-\u00BF\u1680\u2000-\u206F\u3000-\u3004\u3008-\u303F\uFEFF\uFF01-\uFF0F\uFF1A-\uFF20\uFF3B-\uFF40\uFF5B-\uFF65]+', ' ', 'g') END, 131072) END, ' ', ' ' || ('h' || left(md5((v_tenant)::text), 8))), ' '), ''), ('h' || left(md5((v_tenant)::text), 8)))));
  v_queries tsquery[];
  v_counts bigint[];
  v_sampled bigint[];
  v_weights double precision[];
  v_stored bigint;
  v_total bigint;
  v_query tsquery;
  v_rare tsquery;
  v_rarer tsquery;
  v_alike tsquery[] := '{}';
  v_likeness double precision[] := '{}';
  v_word text;
  v_count bigint;
  v_weight double precision;
  v_many integer;
  v_taken bigint;
BEGIN
  -- A lone character of an unspaced script says something only when nothing else is asked for.
  IF EXISTS (SELECT FROM unnest(v_terms) AS t WHERE char_length(t) > 10) THEN
    v_terms := ARRAY(SELECT t FROM unnest(v_terms) AS t WHERE t !~ '^.{9}[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]$');
  END IF;
  v_terms := ARRAY(SELECT t FROM unnest(v_terms) AS t ORDER BY char_length(t) DESC, t LIMIT 10);
  IF v_terms = '{}' THEN RETURN; END IF;
  v_queries := ARRAY(
    SELECT (format('''%s''', t) || CASE WHEN t ~ '^.{9}[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]$' THEN ':*' ELSE '' END)::tsquery
    FROM unnest(v_terms) WITH ORDINALITY AS u(t, n) ORDER BY n);

  SELECT l.created_counts[2] - l.deleted_counts[2] INTO v_stored
  FROM holdfast.tenant_logs l WHERE l.tenant_id = v_tenant;
  SELECT count(*) INTO v_total
  FROM (SELECT FROM holdfast.memories m WHERE 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) LIMIT 500) AS counted;
  IF v_total = 500 THEN v_total := 100 * v_total; END IF;
  v_many := greatest(12, ceil(sqrt(300.0 * v_stored) / 64));

  SELECT array_agg(c.count ORDER BY q.n), array_agg(c.sampled ORDER BY q.n),
    array_agg((CASE WHEN c.count > 150 THEN 0.1
      ELSE ln(1 + (greatest(v_total, c.count) - c.count + 0.5) / (c.count + 0.5)) END)
      * CASE WHEN q.word ~ '[\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]' THEN 1 ELSE least(1, char_length(q.word) / 5.0) END ORDER BY q.n)
  INTO v_counts, v_sampled, v_weights
  FROM (
    SELECT query, n, substr(term, 10) AS word
    FROM unnest(v_queries, v_terms) WITH ORDINALITY AS u(query, term, n)
  ) AS q, LATERAL (
    SELECT s.count AS sampled, CASE WHEN s.count >= 12 THEN 151
      ELSE (SELECT count(*) FROM (SELECT FROM holdfast.memories m WHERE 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ q.query LIMIT 151) AS a) END AS count
    FROM (SELECT count(*) AS count FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ q.query LIMIT v_many) AS f OFFSET 0) AS s OFFSET 0) AS c;

  SELECT string_agg(r.query::text, ' | ')::tsquery INTO v_rare FROM (
    SELECT query, sum(count) OVER (ORDER BY count, n) AS taken
    FROM unnest(v_queries, v_counts) WITH ORDINALITY AS u(query, count, n) WHERE count BETWEEN 1 AND 150
  ) AS r WHERE r.taken <= 300;
  IF v_rare IS NOT NULL THEN
    v_query := v_rare;
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  ELSE
    IF 0 <> ALL (v_counts) THEN
      SELECT string_agg(q::text, ' & ')::tsquery, string_agg(q::text, ' & ') FILTER (WHERE sampled < v_many)::tsquery
      INTO v_query, v_rarer FROM unnest(v_queries, v_sampled) AS u(q, sampled);
      IF v_rarer IS NULL THEN
        
  IF (SELECT count(*) FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query LIMIT v_many) AS s) = v_many THEN
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'off', true);
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  ELSE
    PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  END IF;
      ELSE
        -- As a function, not @@, which would be looked up with the others.
        RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_rarer AND ts_match_vq(m.search_terms, v_query)
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
      END IF;
    END IF;
    IF v_query IS NULL OR NOT FOUND THEN
      SELECT string_agg(u.query::text, ' | ')::tsquery INTO v_query
      FROM unnest(v_queries, v_counts) AS u(query, count) WHERE count > 0;
      
  IF (SELECT count(*) FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query LIMIT v_many) AS s) = v_many THEN
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'off', true);
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  ELSE
    PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
    RETURN QUERY SELECT 'FULL_TEXT', c.id, (CASE WHEN c.search_terms @@ v_queries[1] THEN v_weights[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[2] THEN v_weights[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[3] THEN v_weights[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[4] THEN v_weights[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[5] THEN v_weights[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[6] THEN v_weights[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[7] THEN v_weights[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[8] THEN v_weights[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[9] THEN v_weights[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_queries[10] THEN v_weights[10] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  END IF;
    END IF;
  END IF;

  PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
  FOR v_word, v_count IN
    SELECT substr(u.term, 10), u.count FROM unnest(v_terms, v_counts) WITH ORDINALITY AS u(term, count, n)
    WHERE u.count <= 5 AND char_length(u.term) >= 13
      AND substr(u.term, 10) !~ '[0-9\u0E00-\u0EFF\u1000-\u109F\u1100-\u11FF\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3400-\u4DBF\u4E00-\u9FFF\uAC00-\uD7AF\uF900-\uFAFF\U00020000-\U0003FFFF]'
    ORDER BY u.n LIMIT 4
  LOOP
    v_taken := 0;
    -- Words outlive the memories that had them: only those that can be found take a place.
    FOR v_query, v_weight, v_count IN
      SELECT l.query, l.likeness, s.count FROM (
        SELECT format('''%s''', v_prefix || w.word)::tsquery AS query, w.likeness, w.n
        FROM holdfast.words_like(v_word, CASE WHEN v_count = 0 THEN 0.3 ELSE 0.5 END)
          WITH ORDINALITY AS w(word, likeness, n)
      ) AS l, LATERAL (SELECT count(*) AS count FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ l.query LIMIT 12) AS f OFFSET 0) AS s
      WHERE s.count > 0 OR EXISTS (SELECT FROM holdfast.memories m WHERE 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ l.query LIMIT 1)
      ORDER BY l.n LIMIT 5
    LOOP
      -- The likest first, until they have about as many as are ranked.
      EXIT WHEN v_taken >= 300;
      v_taken := v_taken + 64 * v_count;
      v_alike := v_alike || v_query;
      v_likeness := v_likeness || v_weight;
    END LOOP;
  END LOOP;
  SELECT string_agg(q::text, ' | ')::tsquery INTO v_query FROM unnest(v_alike) AS q;
  IF v_query IS NOT NULL THEN
    
  IF (SELECT count(*) FROM (SELECT FROM holdfast.memories m WHERE (uuid_hash(id) & 63) = 0 AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query LIMIT v_many) AS s) = v_many THEN
    PERFORM set_config('enable_indexscan', 'on', true), set_config('enable_bitmapscan', 'off', true);
    RETURN QUERY SELECT 'TRIGRAM', c.id, (CASE WHEN c.search_terms @@ v_alike[1] THEN v_likeness[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[2] THEN v_likeness[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[3] THEN v_likeness[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[4] THEN v_likeness[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[5] THEN v_likeness[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[6] THEN v_likeness[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[7] THEN v_likeness[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[8] THEN v_likeness[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[9] THEN v_likeness[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[10] THEN v_likeness[10] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[11] THEN v_likeness[11] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[12] THEN v_likeness[12] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[13] THEN v_likeness[13] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[14] THEN v_likeness[14] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[15] THEN v_likeness[15] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[16] THEN v_likeness[16] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[17] THEN v_likeness[17] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[18] THEN v_likeness[18] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[19] THEN v_likeness[19] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[20] THEN v_likeness[20] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  ELSE
    PERFORM set_config('enable_indexscan', 'off', true), set_config('enable_bitmapscan', 'on', true);
    RETURN QUERY SELECT 'TRIGRAM', c.id, (CASE WHEN c.search_terms @@ v_alike[1] THEN v_likeness[1] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[2] THEN v_likeness[2] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[3] THEN v_likeness[3] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[4] THEN v_likeness[4] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[5] THEN v_likeness[5] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[6] THEN v_likeness[6] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[7] THEN v_likeness[7] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[8] THEN v_likeness[8] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[9] THEN v_likeness[9] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[10] THEN v_likeness[10] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[11] THEN v_likeness[11] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[12] THEN v_likeness[12] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[13] THEN v_likeness[13] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[14] THEN v_likeness[14] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[15] THEN v_likeness[15] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[16] THEN v_likeness[16] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[17] THEN v_likeness[17] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[18] THEN v_likeness[18] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[19] THEN v_likeness[19] ELSE 0 END + CASE WHEN c.search_terms @@ v_alike[20] THEN v_likeness[20] ELSE 0 END) / (1 + ln(1 + length(c.search_terms)) / 10) AS score,
    c.importance, c.success_score, c.create_time
  FROM (
    SELECT m.id, m.search_terms, m.importance, m.success_score, m.create_time FROM holdfast.memories m
    WHERE v_query IS NOT NULL AND 
  m.tenant_id = v_tenant AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND (p_types IS NULL OR m.type = ANY (p_types))
  AND (p_goals IS NULL OR m.goal_id = ANY (p_goals))
  AND (p_sessions IS NULL OR m.session_id = ANY (p_sessions))
  AND (p_agents IS NULL OR m.agent_id = ANY (p_agents))
  AND (p_tags IS NULL OR m.tags @> p_tags)
  AND (p_labels IS NULL OR m.labels @> p_labels)
  AND (p_from IS NULL OR m.create_time >= p_from)
  AND (p_before IS NULL OR m.create_time < p_before) AND m.search_terms @@ v_query
    ORDER BY m.create_time DESC, m.id DESC LIMIT 300
  ) AS c
  ORDER BY score DESC, c.create_time DESC, c.id DESC LIMIT p_limit;
  END IF;
  END IF;
END $function$;
ALTER FUNCTION holdfast.search_memory_texts(text,integer,text[],uuid[],uuid[],text[],jsonb,jsonb,timestamp with time zone,timestamp with time zone) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.search_memory_texts(text,integer,text[],uuid[],uuid[],text[],jsonb,jsonb,timestamp with time zone,timestamp with time zone) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.search_memory_vectors(p_embedding real[], p_model text, p_limit integer, p_types text[], p_goals uuid[], p_sessions uuid[], p_agents text[], p_tags jsonb, p_labels jsonb, p_from timestamp with time zone, p_before timestamp with time zone)
 RETURNS TABLE(method text, id uuid, score double precision, importance double precision, success_score double precision, create_time timestamp with time zone)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_custom_plan'
AS $function$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_schema name;
BEGIN
  SELECT n.nspname INTO STRICT v_schema
  FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'vector';
  RETURN QUERY EXECUTE format($query$
    SELECT 'VECTOR', c.id, c.score, c.importance, c.success_score, c.create_time
    FROM (
      SELECT m.id, m.importance, m.success_score, m.create_time,
        1 - nullif((m.embedding::%1$I.vector OPERATOR(%1$I.<=>) $1::%1$I.vector)::double precision, 'NaN') AS score
      FROM holdfast.memories m
      WHERE 
  m.tenant_id = $4 AND m.delete_time IS NULL AND (m.expire_time IS NULL OR m.expire_time > now())
  AND ($5 IS NULL OR m.type = ANY ($5))
  AND ($6 IS NULL OR m.goal_id = ANY ($6))
  AND ($7 IS NULL OR m.session_id = ANY ($7))
  AND ($8 IS NULL OR m.agent_id = ANY ($8))
  AND ($9 IS NULL OR m.tags @> $9)
  AND ($10 IS NULL OR m.labels @> $10)
  AND ($11 IS NULL OR m.create_time >= $11)
  AND ($12 IS NULL OR m.create_time < $12)
        AND m.embedding_model = $2 AND m.embedding_model <> '' AND cardinality(m.embedding) = cardinality($1)
    ) AS c
    WHERE c.score IS NOT NULL
    ORDER BY c.score DESC, c.create_time DESC, c.id DESC LIMIT $3$query$, v_schema)
  USING p_embedding, p_model, p_limit, v_tenant,
    p_types, p_goals, p_sessions, p_agents, p_tags, p_labels, p_from, p_before;
END $function$;
ALTER FUNCTION holdfast.search_memory_vectors(real[],text,integer,text[],uuid[],uuid[],text[],jsonb,jsonb,timestamp with time zone,timestamp with time zone) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.search_memory_vectors(real[],text,integer,text[],uuid[],uuid[],text[],jsonb,jsonb,timestamp with time zone,timestamp with time zone) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.tenant_ids()
 RETURNS SETOF uuid
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  RETURN QUERY SELECT l.tenant_id FROM holdfast.tenant_logs l ORDER BY l.tenant_id;
END $function$;
ALTER FUNCTION holdfast.tenant_ids() OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.tenant_ids() TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.touch_memories(p_tenants uuid[], p_ids uuid[], p_times timestamp with time zone[], p_counts bigint[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_seqscan TO 'off'
AS $function$
BEGIN
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;
  -- In one order, so that two servers never wait for each other.
  INSERT INTO holdfast.memory_access AS a (tenant_id, memory_id, access_time, access_count)
  SELECT u.tenant_id, u.memory_id, u.access_time, u.access_count
  FROM unnest(p_tenants, p_ids, p_times, p_counts) AS u (tenant_id, memory_id, access_time, access_count)
  ORDER BY u.tenant_id, u.memory_id
  ON CONFLICT (tenant_id, memory_id) DO UPDATE SET
    access_time = greatest(a.access_time, excluded.access_time),
    access_count = a.access_count + excluded.access_count;
END $function$;
ALTER FUNCTION holdfast.touch_memories(uuid[],uuid[],timestamp with time zone[],bigint[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.touch_memories(uuid[],uuid[],timestamp with time zone[],bigint[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.withdraw_decisions(p_tenant uuid, p_ids uuid[])
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_deleted bigint[];
  v_count bigint;
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;
  SELECT l.deleted_counts INTO v_deleted FROM holdfast.tenant_logs l WHERE l.tenant_id = p_tenant FOR UPDATE;
  UPDATE holdfast.decisions t SET withdraw_time = clock_timestamp()
  WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) AND t.withdraw_time IS NULL;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_deleted[6] := coalesce(v_deleted[6], 0) + v_count;
  UPDATE holdfast.tenant_logs l SET deleted_counts = v_deleted WHERE l.tenant_id = p_tenant;
  RETURN v_count;
END $function$;
ALTER FUNCTION holdfast.withdraw_decisions(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.withdraw_decisions(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.withdraw_observations(p_tenant uuid, p_ids uuid[])
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_deleted bigint[];
  v_count bigint;
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;
  SELECT l.deleted_counts INTO v_deleted FROM holdfast.tenant_logs l WHERE l.tenant_id = p_tenant FOR UPDATE;
  UPDATE holdfast.observations t SET withdraw_time = clock_timestamp()
  WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) AND t.withdraw_time IS NULL;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_deleted[5] := coalesce(v_deleted[5], 0) + v_count;
  UPDATE holdfast.tenant_logs l SET deleted_counts = v_deleted WHERE l.tenant_id = p_tenant;
  RETURN v_count;
END $function$;
ALTER FUNCTION holdfast.withdraw_observations(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.withdraw_observations(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.withdraw_performance_metrics(p_tenant uuid, p_ids uuid[])
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_deleted bigint[];
  v_count bigint;
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;
  SELECT l.deleted_counts INTO v_deleted FROM holdfast.tenant_logs l WHERE l.tenant_id = p_tenant FOR UPDATE;
  UPDATE holdfast.performance_metrics t SET withdraw_time = clock_timestamp()
  WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) AND t.withdraw_time IS NULL;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_deleted[7] := coalesce(v_deleted[7], 0) + v_count;
  UPDATE holdfast.tenant_logs l SET deleted_counts = v_deleted WHERE l.tenant_id = p_tenant;
  RETURN v_count;
END $function$;
ALTER FUNCTION holdfast.withdraw_performance_metrics(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.withdraw_performance_metrics(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.withdraw_security_audits(p_tenant uuid, p_ids uuid[])
 RETURNS bigint
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_deleted bigint[];
  v_count bigint;
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  -- A WARNING is all that tells of a COMMIT that did not wait for its synchronous standby.
  IF current_setting('client_min_messages') = 'error' THEN
    PERFORM set_config('client_min_messages', 'warning', true);
  END IF;
  -- As a condition, which PL/pgSQL evaluates by itself: PERFORM would run a query in each append.
  IF set_config('lock_timeout', '10000', true) IS NULL THEN NULL; END IF;
  SELECT l.deleted_counts INTO v_deleted FROM holdfast.tenant_logs l WHERE l.tenant_id = p_tenant FOR UPDATE;
  UPDATE holdfast.security_audits t SET withdraw_time = clock_timestamp()
  WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) AND t.withdraw_time IS NULL;
  GET DIAGNOSTICS v_count = ROW_COUNT;
  v_deleted[12] := coalesce(v_deleted[12], 0) + v_count;
  UPDATE holdfast.tenant_logs l SET deleted_counts = v_deleted WHERE l.tenant_id = p_tenant;
  RETURN v_count;
END $function$;
ALTER FUNCTION holdfast.withdraw_security_audits(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.withdraw_security_audits(uuid,uuid[]) TO holdfast_writer;

CREATE OR REPLACE FUNCTION holdfast.words_like(p_word text, p_likeness double precision)
 RETURNS TABLE(word text, likeness double precision)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
 SET plan_cache_mode TO 'force_generic_plan'
 SET enable_indexscan TO 'on'
 SET enable_bitmapscan TO 'off'
AS $function$
#variable_conflict use_column
DECLARE
  v_tenant uuid := nullif(current_setting('holdfast.tenant', true), '')::uuid;
  v_trigrams text[] := ARRAY(SELECT DISTINCT substr('  ' || p_word || ' ', i, 3) FROM generate_series(1, char_length(p_word) + 1) AS i);
  v_count integer := cardinality(v_trigrams);
  v_least integer := ceil(p_likeness * v_count);
  v_first text;
  v_last text;
BEGIN
  IF v_least > 2 THEN
    v_first := left(p_word, 1);
    v_last := right(p_word, 2);
    v_trigrams := array_remove(array_remove(v_trigrams, '  ' || v_first), v_last || ' ');
  END IF;
  RETURN QUERY SELECT s.word, s.likeness FROM (
    SELECT f.word, f.shared::double precision / (v_count + char_length(f.word) + 1 - f.shared) AS likeness
    FROM (
      SELECT w.word, count(*)
        + CASE WHEN starts_with(w.word, v_first) THEN 1 ELSE 0 END
        + CASE WHEN right(w.word, 2) = v_last THEN 1 ELSE 0 END AS shared
      FROM holdfast.memory_words w WHERE w.tenant_id = v_tenant AND w.trigram = ANY (v_trigrams)
      GROUP BY w.word
    ) AS f
    WHERE f.shared >= v_least
  ) AS s
  WHERE s.likeness >= p_likeness AND s.word <> p_word
  ORDER BY s.likeness DESC, s.word LIMIT 10;
END $function$;
ALTER FUNCTION holdfast.words_like(text,double precision) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.words_like(text,double precision) TO holdfast_runtime;
