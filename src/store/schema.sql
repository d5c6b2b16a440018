-- Made by `npm run schema` from the migrations and routines. Do not edit.

CREATE ROLE holdfast_append NOLOGIN;

CREATE ROLE holdfast_runtime NOLOGIN;

CREATE SCHEMA holdfast;
GRANT USAGE ON SCHEMA holdfast TO holdfast_append;
GRANT USAGE ON SCHEMA holdfast TO holdfast_runtime;

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
  complete_time timestamp with time zone
) WITH (fillfactor=80);
ALTER TABLE holdfast.actions ADD CONSTRAINT actions_pkey PRIMARY KEY (tenant_id, id);
CREATE UNIQUE INDEX actions_external_id ON holdfast.actions USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE INDEX actions_session ON holdfast.actions USING btree (tenant_id, session_id, create_time, id) WHERE (session_id IS NOT NULL);
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
  duration_ms double precision
);
ALTER TABLE holdfast.decisions ADD CONSTRAINT decisions_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX decisions_agent ON holdfast.decisions USING btree (tenant_id, agent_id, "position") WHERE (agent_id IS NOT NULL);
CREATE UNIQUE INDEX decisions_external_id ON holdfast.decisions USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE UNIQUE INDEX decisions_position ON holdfast.decisions USING btree (tenant_id, "position");
CREATE INDEX decisions_session ON holdfast.decisions USING btree (tenant_id, session_id, "position") WHERE (session_id IS NOT NULL);
ALTER TABLE holdfast.decisions ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.decisions FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.decisions FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.decisions FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT ON holdfast.decisions TO holdfast_append;
GRANT SELECT ON holdfast.decisions TO holdfast_runtime;

CREATE TABLE holdfast.migrations (
  name character varying(255) NOT NULL,
  "timestamp" character varying(255) NOT NULL
);
ALTER TABLE holdfast.migrations ADD CONSTRAINT migrations_pkey PRIMARY KEY (name);

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
  occur_time timestamp with time zone
);
ALTER TABLE holdfast.observations ADD CONSTRAINT observations_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX observations_agent ON holdfast.observations USING btree (tenant_id, agent_id, "position") WHERE (agent_id IS NOT NULL);
CREATE UNIQUE INDEX observations_external_id ON holdfast.observations USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
CREATE UNIQUE INDEX observations_position ON holdfast.observations USING btree (tenant_id, "position");
CREATE INDEX observations_session ON holdfast.observations USING btree (tenant_id, session_id, "position") WHERE (session_id IS NOT NULL);
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
  "time" timestamp with time zone
);
ALTER TABLE holdfast.performance_metrics ADD CONSTRAINT performance_metrics_pkey PRIMARY KEY (tenant_id, id);
CREATE INDEX performance_metrics_agent ON holdfast.performance_metrics USING btree (tenant_id, agent_id, "position") WHERE (agent_id IS NOT NULL);
CREATE UNIQUE INDEX performance_metrics_external_id ON holdfast.performance_metrics USING btree (tenant_id, external_id) WHERE (external_id IS NOT NULL);
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
  commit_time timestamp with time zone
) WITH (fillfactor=10, autovacuum_vacuum_scale_factor=0, autovacuum_vacuum_threshold=1000);
ALTER TABLE holdfast.tenant_logs ADD CONSTRAINT tenant_logs_pkey PRIMARY KEY (tenant_id);
ALTER TABLE holdfast.tenant_logs ENABLE ROW LEVEL SECURITY;
ALTER TABLE holdfast.tenant_logs FORCE ROW LEVEL SECURITY;
CREATE POLICY append_path ON holdfast.tenant_logs FOR ALL TO holdfast_append USING (true) WITH CHECK (true);
CREATE POLICY tenant_isolation ON holdfast.tenant_logs FOR SELECT TO holdfast_runtime USING ((tenant_id = (NULLIF(current_setting('holdfast.tenant'::text, true), ''::text))::uuid));
GRANT INSERT, SELECT, UPDATE ON holdfast.tenant_logs TO holdfast_append;
GRANT SELECT ON holdfast.tenant_logs TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.begin_append(p_tenant uuid, p_count integer, p_content_hashes bytea, p_active_sessions uuid[], OUT first_position bigint, OUT commit_time timestamp with time zone, OUT log_id uuid)
 RETURNS record
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_position bigint;
  v_hash bytea;
  v_commit_time timestamptz;
  v_not_active json;
BEGIN
  -- An answer to the caller means flushed to disk, whatever the database's default.
  IF current_setting('synchronous_commit') IN ('off', 'local') THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;

  LOOP
    SELECT l.position, l.hash, l.commit_time, l.log_id INTO v_position, v_hash, v_commit_time, log_id
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
    LEFT JOIN holdfast.sessions s ON s.tenant_id = p_tenant AND s.id = a.id
    WHERE s.status IS DISTINCT FROM 'ACTIVE' OR s.delete_time IS NOT NULL;
    IF v_not_active IS NOT NULL THEN
      RAISE EXCEPTION 'session not active' USING ERRCODE = 'HF001', DETAIL = v_not_active::text;
    END IF;
  END IF;

  first_position := v_position + 1;
  commit_time := greatest(clock_timestamp(), v_commit_time);
  v_position := v_position + p_count;
  v_hash := sha256(v_hash || int8send(first_position) || int8send(v_position)
    || int8send((extract(epoch FROM commit_time) * 1000000)::bigint) || p_content_hashes);

  UPDATE holdfast.tenant_logs l SET position = v_position, hash = v_hash, commit_time = begin_append.commit_time
  WHERE l.tenant_id = p_tenant;
  INSERT INTO holdfast.commits (tenant_id, position, first_position, commit_time, hash)
  VALUES (p_tenant, v_position, first_position, begin_append.commit_time, v_hash);
END $function$;
ALTER FUNCTION holdfast.begin_append(uuid,integer,bytea,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.begin_append(uuid,integer,bytea,uuid[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.lock_actions(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other.
  PERFORM 1 FROM holdfast.actions t
  WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) ORDER BY t.id FOR NO KEY UPDATE;
END $function$;
ALTER FUNCTION holdfast.lock_actions(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_actions(uuid,uuid[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.lock_sessions(p_tenant uuid, p_ids uuid[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  -- In the order of ids, so that two flushes never wait for each other.
  PERFORM 1 FROM holdfast.sessions t
  WHERE t.tenant_id = p_tenant AND t.id = ANY (p_ids) ORDER BY t.id FOR NO KEY UPDATE;
END $function$;
ALTER FUNCTION holdfast.lock_sessions(uuid,uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.lock_sessions(uuid,uuid[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.log_positions(p_tenants uuid[])
 RETURNS TABLE(tenant_id uuid, "position" bigint)
 LANGUAGE plpgsql
 STABLE SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
BEGIN
  RETURN QUERY SELECT l.tenant_id, l.position FROM holdfast.tenant_logs l WHERE l.tenant_id = ANY (p_tenants);
END $function$;
ALTER FUNCTION holdfast.log_positions(uuid[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.log_positions(uuid[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.put_actions(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_type text[], p_name text[], p_tool text[], p_description text[], p_parameters json[], p_parameters_bytes bytea[], p_parameters_content_type text[], p_status text[], p_result json[], p_result_bytes bytea[], p_result_content_type text[], p_success_score double precision[], p_cost double precision[], p_expected_outcome text[], p_prerequisites jsonb[], p_goal_id uuid[], p_user_id text[], p_start_time timestamp with time zone[], p_complete_time timestamp with time zone[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_expected bigint;
  v_updated bigint;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.position_offset, u.content_hash, u.request_id, u.request_hash,
      u.change, u.is_new, u.is_last, u.base_revision,
      p_first_position + u.position_offset AS position,
      coalesce(u.created, p_commit_time) AS create_time, p_commit_time AS update_time,
      u.id AS id, u.external_id AS external_id, u.session_id AS session_id, u.agent_id AS agent_id, coalesce(u.labels, '{}'::jsonb) AS labels, u.revision AS revision, u.delete_time AS delete_time, coalesce(u.type, ''::text) AS type, coalesce(u.name, ''::text) AS name, coalesce(u.tool, ''::text) AS tool, coalesce(u.description, ''::text) AS description, u.parameters AS parameters, u.parameters_bytes AS parameters_bytes, u.parameters_content_type AS parameters_content_type, u.status AS status, u.result AS result, u.result_bytes AS result_bytes, u.result_content_type AS result_content_type, u.success_score AS success_score, u.cost AS cost, coalesce(u.expected_outcome, ''::text) AS expected_outcome, coalesce(u.prerequisites, '[]'::jsonb) AS prerequisites, u.goal_id AS goal_id, coalesce(u.user_id, ''::text) AS user_id, u.start_time AS start_time, u.complete_time AS complete_time
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
      p_complete_time
    ) AS u (
      position_offset, content_hash, request_id, request_hash, change, is_new, is_last, base_revision, created,
      id, external_id, session_id, agent_id, labels, revision, delete_time, type, name, tool, description, parameters, parameters_bytes, parameters_content_type, status, result, result_bytes, result_content_type, success_score, cost, expected_outcome, prerequisites, goal_id, user_id, start_time, complete_time
    )
  ), history AS (
    INSERT INTO holdfast.revisions (
      tenant_id, position, create_time, entity, entity_id, revision, change,
      session_id, agent_id, request_id, request_hash, content_hash, state
    )
    SELECT p_tenant, u.position, p_commit_time, 'action', u.id, u.revision, u.change,
      u.session_id, u.agent_id, u.request_id, u.request_hash, u.content_hash,
      (SELECT row_to_json(s) FROM (SELECT u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.name, u.tool, u.description, u.parameters, u.parameters_bytes, u.parameters_content_type, u.status, u.result, u.result_bytes, u.result_content_type, u.success_score, u.cost, u.expected_outcome, u.prerequisites, u.goal_id, u.user_id, u.start_time, u.complete_time, u.position, u.create_time, u.update_time) AS s)
    FROM u
  ), created AS (
    INSERT INTO holdfast.actions (tenant_id, position, create_time, update_time, id, external_id, session_id, agent_id, labels, revision, delete_time, type, name, tool, description, parameters, parameters_bytes, parameters_content_type, status, result, result_bytes, result_content_type, success_score, cost, expected_outcome, prerequisites, goal_id, user_id, start_time, complete_time)
    SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.session_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.name, u.tool, u.description, u.parameters, u.parameters_bytes, u.parameters_content_type, u.status, u.result, u.result_bytes, u.result_content_type, u.success_score, u.cost, u.expected_outcome, u.prerequisites, u.goal_id, u.user_id, u.start_time, u.complete_time
    FROM u WHERE u.is_new AND u.is_last
  ), updated AS (
    UPDATE holdfast.actions t SET position = u.position, update_time = u.update_time, external_id = u.external_id, session_id = u.session_id, agent_id = u.agent_id, labels = u.labels, revision = u.revision, delete_time = u.delete_time, type = u.type, name = u.name, tool = u.tool, description = u.description, parameters = u.parameters, parameters_bytes = u.parameters_bytes, parameters_content_type = u.parameters_content_type, status = u.status, result = u.result, result_bytes = u.result_bytes, result_content_type = u.result_content_type, success_score = u.success_score, cost = u.cost, expected_outcome = u.expected_outcome, prerequisites = u.prerequisites, goal_id = u.goal_id, user_id = u.user_id, start_time = u.start_time, complete_time = u.complete_time
    FROM u
    WHERE NOT u.is_new AND u.is_last
      AND t.tenant_id = p_tenant AND t.id = u.id AND t.revision = u.base_revision
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM u WHERE NOT u.is_new AND u.is_last), (SELECT count(*) FROM updated)
  INTO v_expected, v_updated;
  IF v_updated <> v_expected THEN
    RAISE EXCEPTION 'changed meanwhile: % of % rows', v_expected - v_updated, v_expected
      USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_actions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],text[],text[],json[],bytea[],text[],text[],json[],bytea[],text[],double precision[],double precision[],text[],jsonb[],uuid[],text[],timestamp with time zone[],timestamp with time zone[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_actions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],uuid[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],text[],text[],json[],bytea[],text[],text[],json[],bytea[],text[],double precision[],double precision[],text[],jsonb[],uuid[],text[],timestamp with time zone[],timestamp with time zone[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.put_decisions(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_type text[], p_context json[], p_context_bytes bytea[], p_context_content_type text[], p_alternatives json[], p_alternatives_bytes bytea[], p_alternatives_content_type text[], p_reasoning text[], p_confidence double precision[], p_action_taken text[], p_action_id uuid[], p_observation_id uuid[], p_goal_id uuid[], p_outcome text[], p_duration_ms double precision[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
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
    duration_ms
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
    u.duration_ms
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
    p_duration_ms
  ) AS u (position_offset, content_hash, id, external_id, session_id, agent_id, labels, type, context, context_bytes, context_content_type, alternatives, alternatives_bytes, alternatives_content_type, reasoning, confidence, action_taken, action_id, observation_id, goal_id, outcome, duration_ms);
END $function$;
ALTER FUNCTION holdfast.put_decisions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],json[],bytea[],text[],json[],bytea[],text[],text[],double precision[],text[],uuid[],uuid[],uuid[],text[],double precision[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_decisions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],json[],bytea[],text[],json[],bytea[],text[],text[],double precision[],text[],uuid[],uuid[],uuid[],text[],double precision[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.put_observations(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_type text[], p_content text[], p_data json[], p_data_bytes bytea[], p_data_content_type text[], p_success boolean[], p_action_id uuid[], p_goal_id uuid[], p_feedback text[], p_metrics jsonb[], p_occur_time timestamp with time zone[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
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
GRANT EXECUTE ON FUNCTION holdfast.put_observations(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],text[],json[],bytea[],text[],boolean[],uuid[],uuid[],text[],jsonb[],timestamp with time zone[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.put_performance_metrics(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_id uuid[], p_external_id text[], p_session_id uuid[], p_agent_id text[], p_labels jsonb[], p_name text[], p_value double precision[], p_unit text[], p_component text[], p_tags jsonb[], p_time timestamp with time zone[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
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
    time
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
    u.time
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
    p_time
  ) AS u (position_offset, content_hash, id, external_id, session_id, agent_id, labels, name, value, unit, component, tags, time);
END $function$;
ALTER FUNCTION holdfast.put_performance_metrics(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],double precision[],text[],text[],jsonb[],timestamp with time zone[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_performance_metrics(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],text[],uuid[],text[],jsonb[],text[],double precision[],text[],text[],jsonb[],timestamp with time zone[]) TO holdfast_runtime;

CREATE OR REPLACE FUNCTION holdfast.put_sessions(p_tenant uuid, p_first_position bigint, p_commit_time timestamp with time zone, p_position_offset integer[], p_content_hash bytea[], p_request_id uuid[], p_request_hash bytea[], p_change text[], p_is_new boolean[], p_is_last boolean[], p_base_revision bigint[], p_created timestamp with time zone[], p_id uuid[], p_external_id text[], p_agent_id text[], p_labels jsonb[], p_revision bigint[], p_delete_time timestamp with time zone[], p_type text[], p_status text[], p_start_time timestamp with time zone[], p_end_time timestamp with time zone[], p_goals_total integer[], p_goals_completed integer[], p_success_rate double precision[], p_parent_session_id uuid[], p_fork_position bigint[], p_metadata json[], p_metadata_bytes bytea[], p_metadata_content_type text[])
 RETURNS void
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET "TimeZone" TO 'UTC'
AS $function$
DECLARE
  v_expected bigint;
  v_updated bigint;
BEGIN
  WITH u AS MATERIALIZED (
    SELECT u.position_offset, u.content_hash, u.request_id, u.request_hash,
      u.change, u.is_new, u.is_last, u.base_revision,
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
  ), created AS (
    INSERT INTO holdfast.sessions (tenant_id, position, create_time, update_time, id, external_id, agent_id, labels, revision, delete_time, type, status, start_time, end_time, goals_total, goals_completed, success_rate, parent_session_id, fork_position, metadata, metadata_bytes, metadata_content_type)
    SELECT p_tenant, u.position, u.create_time, u.update_time, u.id, u.external_id, u.agent_id, u.labels, u.revision, u.delete_time, u.type, u.status, u.start_time, u.end_time, u.goals_total, u.goals_completed, u.success_rate, u.parent_session_id, u.fork_position, u.metadata, u.metadata_bytes, u.metadata_content_type
    FROM u WHERE u.is_new AND u.is_last
  ), updated AS (
    UPDATE holdfast.sessions t SET position = u.position, update_time = u.update_time, external_id = u.external_id, agent_id = u.agent_id, labels = u.labels, revision = u.revision, delete_time = u.delete_time, type = u.type, status = u.status, start_time = u.start_time, end_time = u.end_time, goals_total = u.goals_total, goals_completed = u.goals_completed, success_rate = u.success_rate, parent_session_id = u.parent_session_id, fork_position = u.fork_position, metadata = u.metadata, metadata_bytes = u.metadata_bytes, metadata_content_type = u.metadata_content_type
    FROM u
    WHERE NOT u.is_new AND u.is_last
      AND t.tenant_id = p_tenant AND t.id = u.id AND t.revision = u.base_revision
    RETURNING 1
  )
  SELECT (SELECT count(*) FROM u WHERE NOT u.is_new AND u.is_last), (SELECT count(*) FROM updated)
  INTO v_expected, v_updated;
  IF v_updated <> v_expected THEN
    RAISE EXCEPTION 'changed meanwhile: % of % rows', v_expected - v_updated, v_expected
      USING ERRCODE = 'HF002';
  END IF;
END $function$;
ALTER FUNCTION holdfast.put_sessions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],timestamp with time zone[],timestamp with time zone[],integer[],integer[],double precision[],uuid[],bigint[],json[],bytea[],text[]) OWNER TO holdfast_append;
GRANT EXECUTE ON FUNCTION holdfast.put_sessions(uuid,bigint,timestamp with time zone,integer[],bytea[],uuid[],bytea[],text[],boolean[],boolean[],bigint[],timestamp with time zone[],uuid[],text[],text[],jsonb[],bigint[],timestamp with time zone[],text[],text[],timestamp with time zone[],timestamp with time zone[],integer[],integer[],double precision[],uuid[],bigint[],json[],bytea[],text[]) TO holdfast_runtime;

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
GRANT EXECUTE ON FUNCTION holdfast.tenant_ids() TO holdfast_runtime;
