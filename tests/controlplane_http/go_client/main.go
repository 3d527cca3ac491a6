// Calls the methods of go-buildkite that a server of bkagent answers, and fails at the first that goes wrong.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	buildkite "github.com/buildkite/go-buildkite/v4"
)

const org = "local"

var ctx = context.Background()

func must(err error, what string) {
	if err != nil {
		fmt.Printf("%s: %v\n", what, err)
		os.Exit(1)
	}
}

func check(holds bool, what string, more ...any) {
	if !holds {
		fmt.Println(what, more)
		os.Exit(1)
	}
}

func refused(err error, status int, what string) {
	var answer *buildkite.ErrorResponse
	check(errors.As(err, &answer) && answer.Response.StatusCode == status && answer.Message != "", what, err)
}

func until(what string, condition func() bool) {
	for deadline := time.Now().Add(time.Minute); !condition(); time.Sleep(50 * time.Millisecond) {
		check(time.Now().Before(deadline), what+" did not come true")
	}
}

func newClient(url, token string) *buildkite.Client {
	client, err := buildkite.NewOpts(buildkite.WithBaseURL(url), buildkite.WithTokenAuth(token))
	must(err, "client")
	return client
}

func main() {
	c := newClient(os.Args[1], os.Args[2])
	identity(c, newClient(os.Args[1], os.Args[3]))
	pipelines(c)
	number := build(c)
	lists(c, number)
	clusters(c)
	agents(c)
	unavailable(c)
}

func identity(c, short *buildkite.Client) {
	organizations, _, err := c.Organizations.List(ctx, nil)
	must(err, "Organizations.List")
	check(len(organizations) == 1 && organizations[0].Slug == org, "organizations", organizations)
	_, _, err = c.Organizations.Get(ctx, org)
	must(err, "Organizations.Get")
	_, _, err = c.Organizations.Get(ctx, "other")
	refused(err, 404, "unknown organization")
	user, _, err := c.User.CurrentUser(ctx)
	must(err, "User.CurrentUser")
	check(user.Name != "", "user", user)
	_, _, err = c.Meta.Get(ctx)
	must(err, "Meta.Get")
	token, _, err := c.AccessTokens.Get(ctx)
	must(err, "AccessTokens.Get")
	check(len(token.Scopes) > 5, "scopes", token)
	_, _, err = short.AccessTokens.Get(ctx)
	must(err, "AccessTokens.Get")
	_, err = short.AccessTokens.Revoke(ctx)
	must(err, "AccessTokens.Revoke")
	_, _, err = short.AccessTokens.Get(ctx)
	refused(err, 401, "revoked token")
}

func pipelines(c *buildkite.Client) {
	cluster := buildkite.CreatePipeline{Name: "The App", Repository: os.Getenv("REPOSITORY"), ClusterID: "any",
		Configuration: os.Getenv("PIPELINE"), Tags: []string{"t"}, ProviderSettings: &buildkite.GitHubSettings{}}
	created, _, err := c.Pipelines.Create(ctx, org, cluster)
	must(err, "Pipelines.Create")
	check(created.Slug == "the-app" && created.CreatedAt != nil && len(created.Steps) == 3, "created", created)
	_, _, err = c.Pipelines.Create(ctx, org, cluster)
	refused(err, 422, "a name twice")
	for _, name := range []string{"p1", "p2", "p3"} {
		_, _, err = c.Pipelines.Create(ctx, org, buildkite.CreatePipeline{Name: name, Repository: "/r", ClusterID: "any",
			Steps: []buildkite.Step{{Type: "script", Name: "s", Command: "true", ArtifactPaths: "a;b"}}})
		must(err, "Pipelines.Create with steps")
	}
	updated, _, err := c.Pipelines.Update(ctx, org, "the-app", buildkite.UpdatePipeline{Description: "d"})
	must(err, "Pipelines.Update")
	check(updated.Description == "d" && updated.Configuration == created.Configuration, "updated", updated)
	got, _, err := c.Pipelines.Get(ctx, org, "the-app")
	must(err, "Pipelines.Get")
	check(got.ID == created.ID && got.Tags[0] == "t", "got", got)
	count, options := 0, &buildkite.PipelineListOptions{ListOptions: buildkite.ListOptions{PerPage: 3}}
	for {
		page, response, err := c.Pipelines.List(ctx, org, options)
		must(err, "Pipelines.List")
		count += len(page)
		if response.NextPage == 0 {
			break
		}
		options.Page = response.NextPage
	}
	check(count == 4, "pages", count)
	_, err = c.Pipelines.Archive(ctx, org, "p1")
	must(err, "Pipelines.Archive")
	_, err = c.Pipelines.Archive(ctx, org, "p1")
	refused(err, 422, "archived twice")
	_, err = c.Pipelines.Unarchive(ctx, org, "p1")
	must(err, "Pipelines.Unarchive")
	_, err = c.Pipelines.Delete(ctx, org, "p1")
	must(err, "Pipelines.Delete")
	_, _, err = c.Pipelines.Get(ctx, org, "p1")
	refused(err, 404, "deleted pipeline")
}

func build(c *buildkite.Client) string {
	created, _, err := c.Builds.Create(ctx, org, "the-app", buildkite.CreateBuild{Commit: "HEAD", Branch: "main",
		Message: "m", Env: map[string]string{"N": "1"}, MetaData: map[string]string{"k": "v"}, PullRequestID: 7})
	must(err, "Builds.Create")
	check(created.PullRequest.ID == "7" && created.CreatedAt != nil, "pull request", created)
	number := fmt.Sprint(created.Number)
	var b buildkite.Build
	until("blocked", func() bool {
		b, _, err = c.Builds.Get(ctx, org, "the-app", number, nil)
		must(err, "Builds.Get")
		return b.Blocked
	})
	one, ask, two := b.Jobs[0], b.Jobs[1], b.Jobs[2]
	check(one.State == "passed" && *one.ExitStatus == 0 && one.Agent.Name == "first", "job", one)
	_, _, err = c.Jobs.RetryJob(ctx, org, "the-app", number, one.ID)
	refused(err, 400, "retry of what passed")
	_, _, err = c.Jobs.ReprioritizeJob(ctx, org, "the-app", number, two.ID, &buildkite.JobReprioritizationOptions{Priority: 5})
	must(err, "Jobs.ReprioritizeJob")
	_, _, err = c.Jobs.UnblockJob(ctx, org, "the-app", number, ask.ID, &buildkite.JobUnblockOptions{})
	refused(err, 422, "unblock without a required field")
	unblocked, _, err := c.Jobs.UnblockJob(ctx, org, "the-app", number, ask.ID,
		&buildkite.JobUnblockOptions{Fields: map[string]string{"name": "ada", "kind": "b"}})
	must(err, "Jobs.UnblockJob")
	check(unblocked.UnblockedBy.Name != "" && unblocked.UnblockedAt != nil, "unblocked", unblocked)
	until("failed", func() bool {
		b, _, err = c.Builds.Get(ctx, org, "the-app", number, &buildkite.BuildGetOptions{IncludeTestEngine: true})
		must(err, "Builds.Get")
		return b.State == "failed"
	})
	check(b.MetaData["kind"] == "b" && b.MetaData["k"] == "v", "meta-data", b.MetaData)
	again, _, err := c.Jobs.RetryJob(ctx, org, "the-app", number, two.ID)
	must(err, "Jobs.RetryJob")
	check(again.RetrySource.JobID == two.ID, "retry source", again)
	log, _, err := c.Jobs.GetJobLog(ctx, org, "the-app", number, one.ID)
	must(err, "Jobs.GetJobLog")
	check(log.Size > 0 && len(log.HeaderTimes) > 0, "log", log)
	env, _, err := c.Jobs.GetJobEnvironmentVariables(ctx, org, "the-app", number, one.ID)
	must(err, "Jobs.GetJobEnvironmentVariables")
	check(env.EnvironmentVariables["N"] == "1", "env", env)
	artifacts(c, number, one.ID)
	annotations(c, number, one.ID)
	_, err = c.Jobs.DeleteJobLog(ctx, org, "the-app", number, one.ID)
	must(err, "Jobs.DeleteJobLog")
	rebuilt, err := c.Builds.Rebuild(ctx, org, "the-app", number)
	must(err, "Builds.Rebuild")
	check(rebuilt.RebuiltFrom.Number == created.Number, "rebuilt", rebuilt)
	_, err = c.Builds.Cancel(ctx, org, "the-app", fmt.Sprint(rebuilt.Number))
	must(err, "Builds.Cancel")
	until("canceled", func() bool {
		b, _, err = c.Builds.Get(ctx, org, "the-app", fmt.Sprint(rebuilt.Number), nil)
		must(err, "Builds.Get")
		return b.State == "canceled" && b.FinishedAt != nil
	})
	_, err = c.Builds.Cancel(ctx, org, "the-app", fmt.Sprint(rebuilt.Number))
	refused(err, 422, "canceled twice")
	return number
}

func artifacts(c *buildkite.Client, number, job string) {
	ofBuild, _, err := c.Artifacts.ListByBuild(ctx, org, "the-app", number, nil)
	must(err, "Artifacts.ListByBuild")
	ofJob, _, err := c.Artifacts.ListByJob(ctx, org, "the-app", number, job, nil)
	must(err, "Artifacts.ListByJob")
	check(len(ofBuild) == 1 && ofJob[0].ID == ofBuild[0].ID, "artifacts", ofBuild, ofJob)
	artifact, _, err := c.Artifacts.Get(ctx, org, "the-app", number, job, ofBuild[0].ID)
	must(err, "Artifacts.Get")
	var content bytes.Buffer
	_, err = c.Artifacts.DownloadArtifactByURL(ctx, artifact.DownloadURL, &content)
	must(err, "Artifacts.DownloadArtifactByURL")
	check(content.String() == "content", "content", content.String())
	_, err = c.Artifacts.Delete(ctx, org, "the-app", number, job, artifact.ID)
	must(err, "Artifacts.Delete")
}

func annotations(c *buildkite.Client, number, job string) {
	note := buildkite.AnnotationCreate{Body: "**b**", Context: "c", Style: "info"}
	made, _, err := c.Annotations.Create(ctx, org, "the-app", number, note)
	must(err, "Annotations.Create")
	note.Append = true
	again, _, err := c.Annotations.Create(ctx, org, "the-app", number, note)
	must(err, "Annotations.Create")
	check(again.ID == made.ID && len(again.BodyHTML) > len(made.BodyHTML), "append", made, again)
	listed, _, err := c.Annotations.ListByBuild(ctx, org, "the-app", number, nil)
	must(err, "Annotations.ListByBuild")
	check(len(listed) == 2, "annotations", listed)
	ofJob, _, err := c.Annotations.CreateForJob(ctx, org, "the-app", number, job, note)
	must(err, "Annotations.CreateForJob")
	listed, _, err = c.Annotations.ListByJob(ctx, org, "the-app", number, job, nil)
	must(err, "Annotations.ListByJob")
	check(len(listed) == 1 && listed[0].Scope == "job", "annotations of a job", listed)
	_, err = c.Annotations.DeleteForJob(ctx, org, "the-app", number, job, made.ID)
	refused(err, 404, "annotation of a build deleted as a job's")
	_, err = c.Annotations.DeleteForJob(ctx, org, "the-app", number, job, ofJob.ID)
	must(err, "Annotations.DeleteForJob")
	_, err = c.Annotations.Delete(ctx, org, "the-app", number, made.ID)
	must(err, "Annotations.Delete")
}

func lists(c *buildkite.Client, number string) {
	user, _, err := c.User.CurrentUser(ctx)
	must(err, "User.CurrentUser")
	finished, _, err := c.Builds.Get(ctx, org, "the-app", number, nil)
	must(err, "Builds.Get")
	check(finished.Commit != "HEAD", "the commit is known", finished)
	options := &buildkite.BuildsListOptions{Creator: user.ID, CreatedFrom: time.Now().Add(-time.Hour),
		CreatedTo: time.Now().Add(time.Hour), FinishedFrom: time.Now().Add(-time.Hour), State: []string{"finished"},
		Branch: []string{"ma*", "x"}, Commit: finished.Commit, IncludeRetriedJobs: true, ExcludePipeline: true,
		MetaData: buildkite.MetaDataFilters{MetaData: map[string]string{"k": "v"}}}
	until("build finished", func() bool {
		builds, _, err := c.Builds.List(ctx, options)
		must(err, "Builds.List")
		return len(builds) == 1 && fmt.Sprint(builds[0].Number) == number && builds[0].Pipeline == nil
	})
	ofOrg, _, err := c.Builds.ListByOrg(ctx, org, &buildkite.BuildsListOptions{ExcludeJobs: true})
	must(err, "Builds.ListByOrg")
	ofPipeline, _, err := c.Builds.ListByPipeline(ctx, org, "the-app", nil)
	must(err, "Builds.ListByPipeline")
	check(len(ofOrg) == 2 && len(ofPipeline) == 2 && len(ofOrg[0].Jobs) == 0, "builds", len(ofOrg), len(ofPipeline))
	_, _, err = c.Builds.ListByPipeline(ctx, org, "the-app", &buildkite.BuildsListOptions{State: []string{"odd"}})
	refused(err, 400, "unknown state")
	_, _, err = c.Builds.ListByPipeline(ctx, org, "unknown", nil)
	refused(err, 404, "unknown pipeline")
}

func clusters(c *buildkite.Client) {
	all, _, err := c.Clusters.List(ctx, org, nil)
	must(err, "Clusters.List")
	check(len(all) == 1 && all[0].DefaultQueueID != "", "clusters", all)
	cluster, _, err := c.Clusters.Get(ctx, org, all[0].ID)
	must(err, "Clusters.Get")
	queues, _, err := c.ClusterQueues.List(ctx, org, cluster.ID, nil)
	must(err, "ClusterQueues.List")
	check(len(queues) == 1 && queues[0].Key == "default", "queues", queues)
	queue, _, err := c.ClusterQueues.Get(ctx, org, cluster.ID, cluster.DefaultQueueID)
	must(err, "ClusterQueues.Get")
	check(queue.ID == queues[0].ID, "queue", queue)
	_, _, err = c.Clusters.Get(ctx, org, "unknown")
	refused(err, 404, "unknown cluster")
}

func agents(c *buildkite.Client) {
	all, _, err := c.Agents.List(ctx, org, &buildkite.AgentListOptions{Name: "first"})
	must(err, "Agents.List")
	check(len(all) == 1 && all[0].ConnectedState == "connected" && all[0].Creator.Name != "", "agents", all)
	id := all[0].ID
	_, err = c.Agents.Resume(ctx, org, id)
	refused(err, 422, "resume without a pause")
	_, err = c.Agents.Pause(ctx, org, id, &buildkite.AgentPauseOptions{Note: "n", TimeoutInMinutes: 3})
	must(err, "Agents.Pause")
	paused, _, err := c.Agents.Get(ctx, org, id)
	must(err, "Agents.Get")
	check(*paused.Paused && *paused.PausedNote == "n" && *paused.PausedTimeoutInMinutes == 3, "paused", paused)
	_, err = c.Agents.Pause(ctx, org, id, nil)
	refused(err, 422, "paused twice")
	_, err = c.Agents.Resume(ctx, org, id)
	must(err, "Agents.Resume")
	_, err = c.Agents.Stop(ctx, org, id, false)
	must(err, "Agents.Stop")
	until("stopped", func() bool {
		stopped, _, err := c.Agents.Get(ctx, org, id)
		must(err, "Agents.Get")
		return stopped.ConnectedState == "stopped"
	})
	_, err = c.Agents.Stop(ctx, org, id, true)
	refused(err, 400, "stopped twice")
	_, _, err = c.Agents.Get(ctx, org, "unknown")
	refused(err, 404, "unknown agent")
}

// Each answers 404; docs/rest-api.md says so.
func unavailable(c *buildkite.Client) {
	_, _, err := c.Teams.List(ctx, org, nil)
	refused(err, 404, "Teams.List")
	_, _, err = c.PipelineTemplates.List(ctx, org, nil)
	refused(err, 404, "PipelineTemplates.List")
	_, _, err = c.PipelineSchedules.List(ctx, org, "the-app", nil)
	refused(err, 404, "PipelineSchedules.List")
	_, _, err = c.TestSuites.List(ctx, org, nil)
	refused(err, 404, "TestSuites.List")
	_, _, err = c.PackageRegistriesService.List(ctx, org)
	refused(err, 404, "PackageRegistries.List")
	_, _, err = c.Rules.List(ctx, org, nil)
	refused(err, 404, "Rules.List")
	_, _, err = c.ClusterSecrets.List(ctx, org, "any", nil)
	refused(err, 404, "ClusterSecrets.List")
	_, _, err = c.ClusterTokens.List(ctx, org, "any", nil)
	refused(err, 404, "ClusterTokens.List")
	_, _, err = c.RateLimit.Get(ctx, org)
	refused(err, 404, "RateLimit.Get")
	_, err = c.Pipelines.AddWebhook(ctx, org, "the-app")
	refused(err, 404, "Pipelines.AddWebhook")
	_, _, err = c.Agents.Create(ctx, org, buildkite.Agent{})
	check(err != nil, "Agents.Create")
	_, err = c.Agents.Delete(ctx, org, "any")
	check(err != nil, "Agents.Delete")
}
