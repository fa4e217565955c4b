--- One issue or merge request with its threads, in a buffer named
--- `lore://host/group/project/-/merge_requests/12`: so that quickfix, pickers
--- and `:edit` find it.

local client = require('lore.client')
local report = require('lore.report')
local text = require('lore.text')

local M = {}

local METHODS = { merge_requests = 'mergeRequests.get', issues = 'issues.get' }
local SIGILS = { merge_requests = '!', issues = '#' }

-- Threads and notes of each that are shown; characters of each text.
local THREADS = 200
local NOTES = 100
local BODY = 20000

local space = vim.api.nvim_create_namespace('lore.view')

-- Buffer -> line -> the address that is meant there.
local addresses = {}

for name, link in pairs({ Title = 'Title', Dim = 'Comment', Open = 'WarningMsg' }) do
  vim.api.nvim_set_hl(0, 'Lore' .. name, { link = link, default = true })
end

--- The name of an item's buffer.
--- @param project table As the daemon tells it.
--- @param entity_type string `issue` or `merge_request`.
function M.uri(project, entity_type, iid)
  return ('lore://%s/%s/-/%ss/%d'):format(project.host, project.path, entity_type, iid)
end

--- The parts of such a name, nil for another.
function M.parse(uri)
  local host, project, kind, iid = uri:match('^lore://([^/]+)/(.+)/%-/(%a[%a_]*)/(%d+)$')
  if METHODS[kind] then
    return { host = host, project = project, kind = kind, iid = tonumber(iid) }
  end
end

--- Opens an item in a window of its own.
function M.open(uri)
  vim.cmd('split')
  vim.cmd('buffer ' .. vim.fn.bufadd(uri))
end

-- Collects lines with their highlights and addresses.
local Page = {}
Page.__index = Page

function Page:add(line, group, address)
  self.lines[#self.lines + 1] = line
  self.groups[#self.lines] = group
  self.addresses[#self.lines] = address
end

function Page:text(body, truncated, indent, address)
  local lines = text.lines(body)
  if truncated then
    lines[#lines + 1] = '…'
  end
  for _, line in ipairs(lines) do
    self:add((indent .. line):gsub('%s+$', ''), nil, address)
  end
end

-- Where a thread is, and how it stands.
local function place(thread)
  local where = thread.path and text.line(thread.path) or 'on the whole'
  if thread.line then
    where = ('%s, %sline %d'):format(where, thread.side == 'old' and 'old ' or '', thread.line)
  end
  if thread.resolved == nil then
    return where
  end
  return where .. (thread.resolved and ', resolved' or ', open')
end

--- Adds a thread to a page.
function Page:thread(thread)
  local address = text.address(thread.web_url)
  self:add('* ' .. place(thread), thread.resolved == false and 'LoreOpen' or 'LoreDim', address)
  for _, note in ipairs(thread.notes) do
    local internal = note.internal and ', internal' or ''
    local by = note.author and text.line(note.author) or 'somebody'
    self:add(('  %s, %s%s'):format(by, text.day(note.created_at), internal), 'LoreDim', address)
    self:text(note.body, note.body_truncated, '    ', address)
  end
  local left = (thread.notes_total or #thread.notes) - #thread.notes
  if left > 0 then
    self:add(('  %d more notes'):format(left), 'LoreDim', address)
  end
end

local function new_page()
  return setmetatable({ lines = {}, groups = {}, addresses = {} }, Page)
end

-- What is said of an item below its title.
local function facts(item)
  local parts = { text.line(item.state) }
  if item.draft then
    parts[#parts + 1] = 'draft'
  end
  if item.author then
    parts[#parts + 1] = 'by ' .. text.line(item.author)
  end
  if item.target_branch then
    parts[#parts + 1] = 'into ' .. text.line(item.target_branch)
  end
  if item.merged_at then
    parts[#parts + 1] = 'merged on ' .. text.day(item.merged_at)
  else
    parts[#parts + 1] = 'changed on ' .. text.day(item.updated_at)
  end
  if #(item.labels or {}) > 0 then
    parts[#parts + 1] = text.line(table.concat(item.labels, ', '))
  end
  return table.concat(parts, ' · ')
end

local function render(item, kind)
  local page = new_page()
  local address = text.address(item.web_url)
  page:add(('%s%d %s'):format(SIGILS[kind], item.iid, text.line(item.title)), 'LoreTitle', address)
  page:add(facts(item), 'LoreDim', address)
  if address then
    page:add(address, 'LoreDim', address)
  end
  if item.description ~= '' then
    page:add('')
    page:text(item.description, item.description_truncated, '', address)
  end
  for _, thread in ipairs(item.threads) do
    page:add('')
    page:thread(thread)
  end
  if item.threads_remaining > 0 then
    page:add('')
    page:add(text.count(item.threads_remaining, 'thread') .. ' more, on the page', 'LoreDim', address)
  end
  if #item.owed > 0 then
    page:add('')
    page:add('Not mirrored yet: ' .. text.line(table.concat(item.owed, ', ')), 'LoreOpen')
  end
  return page
end

--- Puts a page into a buffer of this plugin.
function M.put(buffer, page)
  vim.bo[buffer].modifiable = true
  vim.api.nvim_buf_set_lines(buffer, 0, -1, false, page.lines)
  vim.bo[buffer].modifiable = false
  vim.bo[buffer].modified = false
  vim.api.nvim_buf_clear_namespace(buffer, space, 0, -1)
  for line, group in pairs(page.groups) do
    vim.api.nvim_buf_set_extmark(buffer, space, line - 1, 0, { end_row = line, hl_group = group, strict = false })
  end
  addresses[buffer] = page.addresses
end

-- Gives an address to the browser.
local function browse(address)
  if not address then
    return report.info('there is no address for this line')
  end
  if vim.ui.open then
    return vim.ui.open(address)
  end
  for _, opener in ipairs({ 'xdg-open', 'open', 'wslview' }) do
    if vim.fn.executable(opener) == 1 then
      -- The address begins with http: it is no option, and no shell sees it.
      return vim.fn.jobstart({ opener, address }, { detach = true })
    end
  end
  report.info('no program opens addresses here: ' .. address)
end

--- Makes a buffer one of this plugin: text only, nothing in it is obeyed.
function M.dress(buffer)
  local bo = vim.bo[buffer]
  bo.modeline = false
  bo.swapfile = false
  bo.buftype = 'nofile'
  bo.undolevels = -1
  bo.filetype = 'lore'
  vim.keymap.set('n', 'gx', function()
    browse((addresses[buffer] or {})[vim.api.nvim_win_get_cursor(0)[1]])
  end, { buffer = buffer, desc = 'Open this in the browser' })
  vim.api.nvim_create_autocmd('BufWipeout', {
    buffer = buffer,
    once = true,
    callback = function()
      addresses[buffer] = nil
    end,
  })
end

--- Threads as a page, for a window that floats.
function M.threads_page(threads)
  local page = new_page()
  for at, one in ipairs(threads) do
    if at > 1 then
      page:add('')
    end
    local of = one.merge_request
    page:add(('!%d %s'):format(of.iid, text.line(of.title)), 'LoreTitle', text.address(of.web_url))
    page:thread(one.thread)
  end
  return page
end

--- Fills a buffer of that name; for BufReadCmd.
function M.load(buffer, uri)
  M.dress(buffer)
  vim.bo[buffer].bufhidden = 'hide'
  local item = M.parse(uri)
  local page = new_page()
  if not item then
    page:add('This is not the name of an issue or a merge request.')
    return M.put(buffer, page)
  end
  page:add('…', 'LoreDim')
  M.put(buffer, page)
  client.request(METHODS[item.kind], {
    host = item.host,
    project = item.project,
    iid = item.iid,
    limit = THREADS,
    note_limit = NOTES,
    body_limit = BODY,
  }, function(failure, answer)
    if not vim.api.nvim_buf_is_loaded(buffer) then
      return
    end
    if failure then
      local told = new_page()
      for _, line in ipairs(report.lines(failure)) do
        told:add(line, 'LoreOpen')
      end
      return M.put(buffer, told)
    end
    M.put(buffer, render(answer.data, item.kind))
  end)
end

return M
