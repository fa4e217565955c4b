--- `:LoreSync` and `:LoreCancel`.

local checkout = require('lore.checkout')
local client = require('lore.client')
local report = require('lore.report')
local text = require('lore.text')
local view = require('lore.view')

local M = {}

-- At most so many changes of an item are named.
local CHANGES = 6

-- Job -> what is synced and how far that is.
local running = {}

-- What a word means: parameters of `sync.start`, nil where it names nothing.
local function target(word)
  local sigil, iid = word:match('^([!#]?)(%d+)$')
  if iid then
    return { [sigil == '#' and 'issues' or 'merge_requests'] = { tonumber(iid) } }
  end
  if word:match('^https?://') or word:match('^[^%s!#]+/[^%s!#]+[!#]%d+$') then
    return { urls = { word } }
  end
end

-- The reference in a word of text, with what stands around it left out.
local function reference_in(word)
  local url = word:match('https?://[^%s<>"\'`|%]%)]+')
  if url and (url:find('/merge_requests/%d') or url:find('/issues/%d')) then
    return url
  end
  return word:match('[%w_][%w_./-]*/[%w_.-]+[!#]%d+') or word:match('[!#]%d+')
end

local function under_cursor()
  local item = view.parse(vim.api.nvim_buf_get_name(0))
  local found = reference_in(vim.fn.expand('<cWORD>'))
  if not found and item then
    found = (item.kind == 'issues' and '#%d' or '!%d'):format(item.iid)
  end
  return found
end

-- How far a job is, by an event; nil where that says nothing new.
local function progress(event)
  if event.kind == 'queued' then
    return 'waits for its turn'
  elseif event.kind == 'phase' then
    return event.phase
  elseif event.kind == 'progress' then
    return ('%s %d%s'):format(event.what:gsub('_', ' '), event.done, event.total and '/' .. event.total or '')
  elseif event.kind == 'waiting' then
    return ('waits about %d s for %s'):format(event.seconds, event.reason:gsub('_', ' '))
  elseif event.kind == 'entity' then
    return ('%s %s'):format(event.stage, event.status)
  end
end

-- What changed in an item, in a line.
local function outcome(item)
  local changes = {}
  for at, change in ipairs(item.changes or {}) do
    if at > CHANGES then
      changes[#changes + 1] = '…'
      break
    end
    local what = text.line(change.what):gsub('_', ' ')
    local from, to = text.line(change.from), text.line(change.to)
    if from == '' and to == '' then
      changes[#changes + 1] = what == 'new' and 'new in the mirror' or what
    else
      changes[#changes + 1] = ('%s: %s → %s'):format(what, from == '' and 'none' or from, to == '' and 'none' or to)
    end
  end
  for _, failure in ipairs(item.dependent_failures or {}) do
    changes[#changes + 1] = ('no %s (%s)'):format(text.line(failure.stage), failure.code)
  end
  if #changes == 0 then
    changes[1] = item.stale_skipped and 'the mirror has a newer one' or 'unchanged'
  end
  local sigil = item.entity_type == 'issue' and '#' or '!'
  return ('%s%d %s (%s)'):format(sigil, item.iid, text.line(item.title), table.concat(changes, ', '))
end

-- Tells how a sync ended.
local function finished(title, event)
  if event.state == 'cancelled' then
    return report.info(('the sync of %s was cancelled'):format(title), vim.log.levels.WARN)
  end
  if event.error then
    return report.error(event.error)
  end
  local lines = {}
  for _, item in ipairs(event.result and event.result.entity_outcomes or {}) do
    lines[#lines + 1] = outcome(item)
  end
  report.info(('synced %s'):format(#lines > 0 and table.concat(lines, '\n') or title))
end

-- Follows a job and says how far it is.
local function follow(title, started)
  local job = started.job_id
  if running[job] then
    table.insert(running[job].askers, started.asker)
    return report.info(('%s is being synced already'):format(title))
  end
  -- Every request has a number of its own, by which it can be taken back.
  running[job] = { title = title, progress = 'begins', askers = { started.asker } }
  local function changed()
    vim.api.nvim_exec_autocmds('User', { pattern = 'LoreSync', modeline = false })
  end
  client.follow(job, function(event)
    local far = progress(event)
    if far then
      running[job].progress = far
      report.progress(('%s: %s'):format(title, text.line(far)))
      changed()
    elseif event.kind == 'warning' then
      report.info(('%s: %s'):format(title, text.line(event.message)), vim.log.levels.WARN)
    end
  end, function(failure, event)
    running[job] = nil
    if failure then
      report.error(failure)
    else
      finished(title, event)
    end
    changed()
  end)
end

--- Starts a surgical sync; see `lore.sync`.
function M.start(reference)
  reference = reference and vim.trim(reference) or under_cursor()
  local request = reference and target(reference)
  if not request then
    local message = reference and ('`%s` names no merge request or issue'):format(text.line(reference))
      or 'there is no merge request or issue under the cursor'
    return report.error(report.failure('USAGE', message, ':LoreSync !123'))
  end
  checkout.project(vim.api.nvim_get_current_buf(), function(params)
    request.remotes = params.remotes
    -- An address names its own project.
    if not request.urls then
      request.project, request.host = params.project, params.host
    end
    client.request('sync.start', request, function(failure, started)
      if failure then
        return report.error(failure)
      end
      follow(text.line(reference), started)
    end)
  end)
end

--- Cancels what this editor started; see `lore.cancel`.
function M.cancel()
  if next(running) == nil then
    return report.info('no sync goes on that this editor started')
  end
  for job, one in pairs(running) do
    for _, asker in ipairs(one.askers) do
      client.request('jobs.cancel', { job_id = job, asker = asker }, function(failure, answer)
        if failure then
          report.error(failure)
        elseif answer.left and asker == one.askers[#one.askers] then
          report.info(('others asked for the sync of %s too; it goes on'):format(one.title))
        end
      end)
    end
  end
end

--- See `lore.status`.
function M.status()
  local parts = {}
  for _, one in pairs(running) do
    parts[#parts + 1] = ('%s: %s'):format(one.title, one.progress)
  end
  table.sort(parts)
  return table.concat(parts, ' · ')
end

return M
